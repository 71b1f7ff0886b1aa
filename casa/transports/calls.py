"""What can be asked for: each call's limits, how its body is read and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from casa.settings import Settings
from casa.transports import parse
from casa.transports.batch import Batch, batch
from casa.transports.desk import Content, Desk


class Call(Protocol):
    """One POST route."""

    def most_bytes(self, settings: Settings) -> int:
        """How large its body may be."""
        ...

    def rows(self, asked: Any) -> int:  # what its own `parse` gave
        """How many houses it will price."""
        ...

    def parse(self, body: bytes, settings: Settings) -> Any:  # what its own `answer` takes
        """The body's meaning; a CasaError says why it has none."""
        ...

    def answer(self, desk: Desk, asked: Any, request_id: str) -> Content:  # what its own `parse` gave
        """The answer's content."""
        ...


class Predict:
    """One house, one price."""

    def most_bytes(self, settings: Settings) -> int:
        return settings.max_house_bytes

    def rows(self, _: list[float]) -> int:
        return 1

    def parse(self, body: bytes, _: Settings) -> list[float]:
        return parse.house(body)

    def answer(self, desk: Desk, asked: list[float], request_id: str) -> Content:
        return desk.price(asked, request_id=request_id)


class Explain(Predict):
    """One house, its price and why."""

    def answer(self, desk: Desk, asked: list[float], request_id: str) -> Content:
        return desk.explain(asked, request_id=request_id)


class PredictBatch:
    """Many houses; each gets its price or hears what is wrong with it."""

    def most_bytes(self, settings: Settings) -> int:
        return settings.max_batch_bytes

    def rows(self, asked: Batch) -> int:
        return len(asked.houses)

    def parse(self, body: bytes, settings: Settings) -> Batch:
        return batch(parse.instances(body, most=settings.max_rows))

    def answer(self, desk: Desk, asked: Batch, request_id: str) -> Content:
        return desk.prices(asked, request_id=request_id)


CALLS: Mapping[str, Call] = {"/predict": Predict(), "/predict/batch": PredictBatch(), "/explain": Explain()}
