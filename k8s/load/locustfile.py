"""What callers of Casa do: mostly single houses, now and then a batch or an explanation. Run by locust."""

from __future__ import annotations

import os
from random import uniform

from locust import HttpUser, between, task

HOUSE = {"CRIM": 0.00632, "ZN": 18.0, "INDUS": 2.31, "CHAS": 0, "NOX": 0.538, "RM": 6.575, "AGE": 65.2, "DIS": 4.09,
         "RAD": 1, "TAX": 296, "PTRATIO": 15.3, "B": 396.9, "LSTAT": 4.98}  # fmt: skip


def house() -> dict[str, float]:
    """One like the others, but not the same."""
    return {**HOUSE, "RM": uniform(4, 8.5), "LSTAT": uniform(2, 35)}  # noqa: S311 - no secret


class Caller(HttpUser):
    """A client that keeps its connection, and closes it when it is told to."""

    wait_time = between(0.05, 0.2)

    def on_start(self) -> None:
        """Every call has the key."""
        self.client.headers["X-API-Key"] = os.environ["CASA_API_KEY"]

    @task(20)
    def price(self) -> None:
        """One house."""
        self.client.post("/predict", json=house())

    @task(2)
    def prices(self) -> None:
        """A hundred houses."""
        self.client.post("/predict/batch", json={"instances": [house() for _ in range(100)]})

    @task(1)
    def explain(self) -> None:
        """One house, feature by feature."""
        self.client.post("/explain", json=house())
