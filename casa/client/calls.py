"""What can be asked over HTTP and what its answers mean, as steps for a client to take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypedDict

import httpx

from casa.client.attempts import Answer, Patience, Steps, persist, unsendable
from casa.client.outcomes import Outcome, refused, told
from casa.client.wire import House, Row, number, place, row
from casa.errors import InvalidHouse, InvalidSettings
from casa.transports.schema import Drift, Explanation, Health, ModelFacts, Monitoring, Price, Prices, Sold

KEY = "CASA_API_KEY"
ADDRESS = "http://127.0.0.1:3000"
DAY_SECONDS = 86_400
PORTS = range(2**16)


class Options(TypedDict, total=False):
    """What a client may be told besides the address."""

    key: str | None
    max_rows: int
    timeout_seconds: float
    patience: Patience


@dataclass(frozen=True)
class Calls:
    """The calls to one server, with one key. InvalidSettings if no call could be made with these numbers."""

    address: str = ADDRESS
    key: str | None = field(default=None, repr=False)
    """CASA_API_KEY if it is None."""
    max_rows: int = 1_000
    """Houses in one call, 1 or more; a longer batch becomes several."""
    timeout_seconds: float = 10.0
    """How long each step of a call may take, a day at most."""
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise InvalidSettings("max_rows must be 1 or more")
        if not 0 < self.timeout_seconds <= DAY_SECONDS:
            raise InvalidSettings(f"timeout_seconds must be above 0 and at most {DAY_SECONDS:,}")

    def predict(self, house: House) -> Steps[Price]:
        """One house's price."""
        return self._post(Price, "/predict", row(house))

    def predict_batch(self, houses: Iterable[House]) -> Steps[list[Outcome]]:
        """An outcome for each house."""
        outcomes: list[Outcome] = []
        for part in _parts(houses, self.max_rows):
            outcomes += yield from self._predict_part([row(house) for house in part])
        return outcomes

    def explain(self, house: House) -> Steps[Explanation]:
        """One house's price, feature by feature."""
        return self._post(Explanation, "/explain", row(house))

    def give_feedback(self, request_id: str, price: float, *, row: int = 0) -> Steps[Sold]:
        """What a house really sold for."""
        return self._post(Sold, "/feedback", {"request_id": request_id, "row": place(row), "price": number(price)})

    def health(self) -> Steps[Health]:
        """What is served."""
        return self._call(Health, "GET", "/health")

    def model(self) -> Steps[ModelFacts]:
        """The model that is served."""
        return self._call(ModelFacts, "GET", "/model")

    def monitoring(self) -> Steps[Monitoring]:
        """What all calls add up to."""
        return self._call(Monitoring, "GET", "/monitoring")

    def drift(self) -> Steps[Drift]:
        """How far the houses have moved."""
        return self._call(Drift, "GET", "/drift")

    def _predict_part(self, rows: list[Row | None]) -> Steps[list[Outcome]]:
        try:
            return told(rows, (yield from self._post(Prices, "/predict/batch", {"instances": rows})))
        except InvalidHouse as error:
            return refused(rows, error)

    def _post(self, answer: type[Answer], path: str, content: object) -> Steps[Answer]:
        return self._call(answer, "POST", path, json=content)

    def _call(self, answer: type[Answer], method: str, path: str, **content: Any) -> Steps[Answer]:  # httpx's own
        try:
            request = self._request(method, path, **content)
        except (httpx.InvalidURL, ValueError):  # ValueError: half a pair of UTF-16 is no text
            raise unsendable() from None  # httpx would show the key
        if (request.url.port or 0) not in PORTS:  # asyncio would raise an ExceptionGroup
            raise unsendable()
        return (yield from persist(request, self.patience, answer=answer))

    def _request(self, method: str, path: str, **content: Any) -> httpx.Request:  # httpx's own
        key = (self.key or os.environ.get(KEY, "")).strip()
        return httpx.Request(
            method,
            self.address.rstrip("/") + path,
            headers={b"x-api-key": key.encode()} if key else {},
            extensions={"timeout": httpx.Timeout(self.timeout_seconds).as_dict()},
            **content,
        )


def _parts(houses: Iterable[House], most: int) -> Iterator[list[House]]:
    left = iter(houses)
    while part := list(islice(left, most)):
        yield part
