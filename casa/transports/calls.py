"""What can be asked for: each call's limits, how its body is read and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from casa.access.keys import Scope
from casa.sale import Sale
from casa.settings import Settings
from casa.transports import parse
from casa.transports.batch import Batch, read
from casa.transports.desk import Content
from casa.transports.serving import Serving
from casa.transports.visit import Visit


class Call(Protocol):
    """One POST route."""

    scope: Scope
    """What a key must open."""

    is_long: bool
    """Does it keep the event loop for a millisecond or more? Then it takes a turn."""

    joins: bool
    """Is it answered in one turn with others of its kind? Then it is read before it takes its turn."""

    def most_bytes(self, settings: Settings) -> int:
        """How large its body may be."""
        ...

    def rows(self, asked: Any) -> int:  # what its own `parse` gave
        """How many houses it will price."""
        ...

    def parse(self, body: bytes, settings: Settings) -> Any:  # what its own `answer` takes
        """The body's meaning; a CasaError says why it has none."""
        ...

    async def answer(self, serving: Serving, asked: Any, visit: Visit) -> Content:  # what its own `parse` gave
        """The answer's content."""
        ...


class Predict:
    """One house, one price."""

    scope: Scope = "predict"
    is_long = False
    joins = True

    def most_bytes(self, settings: Settings) -> int:
        return settings.max_house_bytes

    def rows(self, _: list[float]) -> int:
        return 1

    def parse(self, body: bytes, _: Settings) -> list[float]:
        return parse.house(body)

    async def answer(self, serving: Serving, asked: list[float], visit: Visit) -> Content:
        return await serving.batcher.ask(asked, visit)


class Explain(Predict):
    """One house, its price and why."""

    is_long = True

    async def answer(self, serving: Serving, asked: list[float], visit: Visit) -> Content:
        return await serving.explanations.ask(asked, visit)


class PredictBatch:
    """Many houses; each gets its price or hears what is wrong with it."""

    scope: Scope = "predict"
    is_long = True
    joins = False

    def most_bytes(self, settings: Settings) -> int:
        return settings.max_batch_bytes

    def rows(self, asked: Batch) -> int:
        return len(asked.houses)

    def parse(self, body: bytes, settings: Settings) -> Batch:
        return read(body, most=settings.max_rows)

    async def answer(self, serving: Serving, asked: Batch, visit: Visit) -> Content:
        return serving.desk.prices(asked, visit)


class GiveFeedback:
    """What a house really sold for."""

    scope: Scope = "feedback"
    is_long = False
    joins = False

    def most_bytes(self, settings: Settings) -> int:
        return settings.max_house_bytes

    def rows(self, _: Sale) -> int:
        return 1

    def parse(self, body: bytes, _: Settings) -> Sale:
        return parse.sale(body)

    async def answer(self, serving: Serving, asked: Sale, visit: Visit) -> Content:
        return await serving.keep_sale(asked, visit)


CALLS: Mapping[str, Call] = {
    "/predict": Predict(),
    "/predict/batch": PredictBatch(),
    "/explain": Explain(),
    "/feedback": GiveFeedback(),
}
