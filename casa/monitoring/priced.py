"""The houses of one call and what they cost, packed: small while they wait, and read by the hundred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple, Self

import numpy as np

from casa.house import HOUSE, Array
from casa.model.ensemble import Prices

FEATURES = len(HOUSE.names)
COLUMNS = FEATURES + len(Prices._fields)
DTYPE = "<f8"
HOUSE_BYTES = 8 * FEATURES
ROW_BYTES = 8 * COLUMNS
ROW = Struct(f"<{COLUMNS}d")


class Priced(NamedTuple):
    """The houses of one call and what they cost."""

    rows: int
    packed: bytes
    """Row after row: a house, NaN for a value left out; its price and its interval's ends, in thousands of dollars."""
    places: Sequence[int] = ()
    """Where the houses stood in the call (n,), if some of it could not be priced; empty for one after the other."""

    @classmethod
    def one(cls, house: Sequence[float], price: float, low: float, high: float) -> Self:
        """One house (features,)."""
        return cls(1, ROW.pack(*house, price, low, high))

    @classmethod
    def many(cls, houses: Array, prices: Prices, places: Sequence[int] = ()) -> Self:
        """A batch of houses (n, features)."""
        table = np.column_stack((houses, *prices))
        return cls(len(table), table.astype(DTYPE, copy=False).tobytes(), places)


NOTHING = Priced(0, b"")


def join(priced: Iterable[Priced]) -> tuple[Array, Prices]:
    """The houses (n, features) of many calls, in their order, and their prices."""
    table = np.frombuffer(b"".join([one.packed for one in priced]), dtype=DTYPE).reshape(-1, COLUMNS)
    return table[:, :FEATURES], Prices(*table[:, FEATURES:].T)
