"""Finished calls as rows of the table `predictions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from casa.house import HOUSE, Array
from casa.monitoring.answers import Answered
from casa.monitoring.reference import Reference

PORTION = 500
"""Rows that are packed at once: the other threads wait as long."""
HOUSE_BYTES = 8 * len(HOUSE.names)
BITS = 1 << np.arange(len(HOUSE.names))

ID, ROW, AT, CLIENT = map(attrgetter, ("request_id", "row", "at", "client"))

T = TypeVar("T")
Row = tuple[str, int, float, str, bytes, float, float, float, str, int]
"""The columns of `predictions` in their order, from `request_id` on."""


class Packer:
    """Makes the rows of one model's prices. Most of it is done for many rows at once."""

    def __init__(self, reference: Reference, *, version: str) -> None:
        features = len(HOUSE.names)
        self._low, self._high = reference.low[:features], reference.high[:features]
        self._version = version

    def pack(self, answered: Sequence[Answered]) -> Iterator[Row]:
        """A row for each house, in the order of the calls."""
        for portion in _portions(answered):
            yield from self._pack(portion)

    def _pack(self, answered: Sequence[Answered]) -> Iterator[Row]:
        houses = _stack(answered)
        packed = houses.tobytes()
        cells = (packed[at : at + HOUSE_BYTES] for at in range(0, len(packed), HOUSE_BYTES))
        warnings = (((houses < self._low) | (houses > self._high)) @ BITS).tolist()
        who, prices = _who(answered, rows=len(houses)), _prices(answered)
        return zip(*who, cells, *prices, repeat(self._version, len(houses)), warnings, strict=True)


def _who(answered: Sequence[Answered], *, rows: int) -> Iterable[Iterable[Any]]:
    """Request ids, places, times and clients, a row for each house."""
    if rows == len(answered) and not any(one.priced.places for one in answered):
        return (map(which, answered) for which in (ID, ROW, AT, CLIENT))  # single houses
    each = [one for one in answered for _ in range(len(one.priced.houses))]
    return map(ID, each), chain.from_iterable(map(_places, answered)), map(AT, each), map(CLIENT, each)


def _places(one: Answered) -> Sequence[int]:
    return one.priced.places or range(one.row, one.row + len(one.priced.houses))


def _prices(answered: Sequence[Answered]) -> Iterator[Iterable[float]]:
    """Prices and their intervals' ends: three columns."""
    columns = zip(*(one.priced.prices for one in answered), strict=True)
    return (chain.from_iterable(map(_plain, column)) for column in columns)


def unpack(houses: Sequence[bytes]) -> Array:
    """Packed houses as a matrix (n, features)."""
    return np.frombuffer(b"".join(houses), dtype="<f8").reshape(-1, len(HOUSE.names))


def _portions(answered: Iterable[Answered]) -> Iterator[list[Answered]]:
    portion, rows = [], 0
    for one in answered:
        portion.append(one)
        rows += len(one.priced.houses)
        if rows >= PORTION:
            yield portion
            portion, rows = [], 0
    if portion:
        yield portion


def _stack(answered: Sequence[Answered]) -> Array:
    rows = chain.from_iterable(_plain(one.priced.houses) for one in answered)
    return np.fromiter(chain.from_iterable(rows), dtype="<f8").reshape(-1, len(HOUSE.names))


def _plain(values: Sequence[T] | Array) -> Sequence[T]:
    """Python's own numbers: a driver takes them ten times as fast as NumPy's."""
    return values.tolist() if isinstance(values, np.ndarray) else values
