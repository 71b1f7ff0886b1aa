"""What came of each house of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from casa.client.attempts import not_casa
from casa.client.wire import Row
from casa.errors import InvalidHouse
from casa.transports.flaws import find
from casa.transports.schema import Flaw, Prices, RowPrice

UNTOLD = Flaw(loc=[], msg="The service refused this house and did not say why", type="untold")


@dataclass(frozen=True)
class Outcome:
    """What came of one house of a batch: its price, or what is wrong with it."""

    price: RowPrice | None
    errors: Sequence[Flaw]
    """Empty only beside a price."""
    request_id: str | None
    """Together with `row` what names this price where feedback is given; None without a price."""
    row: int


def told(rows: Sequence[Row | None], prices: Prices) -> list[Outcome]:
    """The outcomes of a call with a good house; Unavailable if they are not one for each row."""
    if len(prices.predictions) != len(rows):
        raise not_casa()
    errors = {spoiled.index: spoiled.errors for spoiled in prices.errors}
    return [
        Outcome(price, [], prices.request_id, row) if price else _spoiled(rows[row], errors.get(row, []), row=row)
        for row, price in enumerate(prices.predictions)
    ]


def refused(rows: Sequence[Row | None], error: InvalidHouse) -> list[Outcome]:
    """The outcomes of a call without one good house; the error itself if it is about none of them."""
    flaws = [Flaw.model_validate(flaw) for flaw in error.flaws]
    own = [[_within(flaw) for flaw in flaws if flaw.loc[1:2] == [row]] for row in range(len(rows))]
    if not any(own):
        raise error
    return [_spoiled(rows[row], errors, row=row) for row, errors in enumerate(own)]


def _spoiled(given: Row | None, errors: list[Flaw], *, row: int) -> Outcome:
    """The service tells the first 20 flaws of a call: what it has no room for is found by the same rules here."""
    found = [Flaw.model_validate(flaw) for flaw in find(given)]
    return Outcome(None, max(errors, found, key=len) or [UNTOLD], None, row)


def _within(flaw: Flaw) -> Flaw:
    """A batch's flaw as that of its house."""
    return flaw.model_copy(update={"loc": flaw.loc[2:]})
