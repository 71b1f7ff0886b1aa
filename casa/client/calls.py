"""What can be asked over HTTP and what its answers mean, as steps for a client to take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypedDict, TypeVar

import httpx
from pydantic import BaseModel

from casa.client.attempts import Patience, Steps, persist
from casa.errors import InvalidHouse
from casa.transports.schema import (
    Drift,
    Explanation,
    Flaw,
    Health,
    ModelFacts,
    Monitoring,
    Price,
    Prices,
    RowPrice,
    Sold,
)

Answer = TypeVar("Answer", bound=BaseModel)

House = Mapping[str, float | None]
"""A house's features by name; those that are optional may be None or left out."""

KEY = "CASA_API_KEY"
ADDRESS = "http://127.0.0.1:3000"


@dataclass(frozen=True)
class Outcome:
    """What came of one house of a batch: its price, or what is wrong with it."""

    price: RowPrice | None
    errors: Sequence[Flaw]
    request_id: str | None
    """Together with `row` what names this price where feedback is given; None without a price."""
    row: int


class Options(TypedDict, total=False):
    """What a client may be told besides the address."""

    key: str | None
    max_rows: int
    timeout_seconds: float
    patience: Patience


@dataclass(frozen=True)
class Calls:
    """The calls to one server, with one key."""

    address: str = ADDRESS
    key: str | None = field(default=None, repr=False)
    """CASA_API_KEY if it is None."""
    max_rows: int = 1_000
    """Houses in one call; a longer batch becomes several."""
    timeout_seconds: float = 10.0
    patience: Patience = field(default_factory=Patience)

    def predict(self, house: House) -> Steps[Price]:
        """One house's price."""
        return self._post(Price, "/predict", house)

    def predict_batch(self, houses: Iterable[House]) -> Steps[list[Outcome]]:
        """An outcome for each house."""
        outcomes: list[Outcome] = []
        for part in _parts(houses, self.max_rows):
            try:
                prices = yield from self._post(Prices, "/predict/batch", {"instances": part})
            except InvalidHouse as error:
                outcomes += _refused(part, error)
            else:
                outcomes += _told(prices)
        return outcomes

    def explain(self, house: House) -> Steps[Explanation]:
        """One house's price, feature by feature."""
        return self._post(Explanation, "/explain", house)

    def give_feedback(self, request_id: str, price: float, *, row: int = 0) -> Steps[Sold]:
        """What a house really sold for."""
        return self._post(Sold, "/feedback", {"request_id": request_id, "row": row, "price": price})

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

    def _post(self, answer: type[Answer], path: str, content: object) -> Steps[Answer]:
        return self._call(answer, "POST", path, json=content)

    def _call(self, answer: type[Answer], method: str, path: str, **content: Any) -> Steps[Answer]:  # httpx's own
        key = (self.key or os.environ.get(KEY, "")).strip()
        request = httpx.Request(
            method,
            self.address.rstrip("/") + path,
            headers={b"x-api-key": key.encode()} if key else {},
            extensions={"timeout": httpx.Timeout(self.timeout_seconds).as_dict()},
            **content,
        )
        response = yield from persist(request, self.patience)
        return answer.model_validate_json(response.content)


def _parts(houses: Iterable[House], most: int) -> Iterator[list[House]]:
    left = iter(houses)
    while part := list(islice(left, most)):
        yield part


def _told(prices: Prices) -> list[Outcome]:
    errors = {spoiled.index: spoiled.errors for spoiled in prices.errors}
    return [
        Outcome(price, errors.get(row, []), prices.request_id if price else None, row)
        for row, price in enumerate(prices.predictions)
    ]


def _refused(part: Sequence[House], error: InvalidHouse) -> list[Outcome]:
    """The outcomes of a call without one good house: the server refuses it as a whole."""
    flaws = [Flaw.model_validate(flaw) for flaw in error.flaws]
    own = [[_within(flaw) for flaw in flaws if flaw.loc[1:2] == [row]] for row in range(len(part))]
    return [Outcome(None, errors, None, row) for row, errors in enumerate(own)]


def _within(flaw: Flaw) -> Flaw:
    """A batch's flaw as that of its house."""
    return flaw.model_copy(update={"loc": flaw.loc[2:]})
