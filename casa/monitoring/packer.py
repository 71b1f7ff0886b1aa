"""Finished calls as rows of the table `predictions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

import numpy as np

from casa.house import Array
from casa.model.bounds import Bounds
from casa.monitoring.answers import Answered
from casa.monitoring.priced import DTYPE, FEATURES, HOUSE_BYTES, ROW_BYTES, join
from casa.monitoring.reference import Reference

PORTION = 500
"""Rows that are packed at once: the other threads wait as long."""

ID, ROW, AT, CLIENT = map(attrgetter, ("request_id", "row", "at", "client"))

Row = tuple[str, int, float, str, bytes, float, float, float, str, int]
"""The columns of `predictions` in their order, from `request_id` on."""


class Packer:
    """Makes the rows of one model's prices. Most of it is done for many rows at once."""

    def __init__(self, reference: Reference, *, version: str) -> None:
        self._bounds = Bounds(reference.low[:FEATURES], reference.high[:FEATURES])
        self._version = version

    def pack(self, answered: Sequence[Answered]) -> Iterator[Row]:
        """A row for each house, in the order of the calls."""
        for portion in _portions(answered):
            yield from self._pack(portion)

    def _pack(self, answered: Sequence[Answered]) -> Iterator[Row]:
        houses, prices = join(one.priced for one in answered)
        columns = (column.tolist() for column in prices)  # a driver takes Python's own numbers ten times as fast
        who, versions = _who(answered, rows=len(houses)), repeat(self._version, len(houses))
        return zip(*who, _cells(answered), *columns, versions, self._bounds.outside(houses), strict=True)


def _who(answered: Sequence[Answered], *, rows: int) -> Iterable[Iterable[Any]]:
    """Request ids, places, times and clients, a row for each house."""
    if rows == len(answered) and not any(one.priced.places for one in answered):
        return (map(which, answered) for which in (ID, ROW, AT, CLIENT))  # single houses
    each = [one for one in answered for _ in range(one.priced.rows)]
    return map(ID, each), chain.from_iterable(map(_places, answered)), map(AT, each), map(CLIENT, each)


def _places(one: Answered) -> Sequence[int]:
    return one.priced.places or range(one.row, one.row + one.priced.rows)


def _cells(answered: Sequence[Answered]) -> Iterator[bytes]:
    """The houses as the table keeps them; `unpack` reads them."""
    for one in answered:
        packed = one.priced.packed
        for at in range(0, len(packed), ROW_BYTES):
            yield packed[at : at + HOUSE_BYTES]


def unpack(houses: Sequence[bytes]) -> Array:
    """Packed houses as a matrix (n, features)."""
    return np.frombuffer(b"".join(houses), dtype=DTYPE).reshape(-1, FEATURES)


def _portions(answered: Iterable[Answered]) -> Iterator[list[Answered]]:
    portion, rows = [], 0
    for one in answered:
        portion.append(one)
        rows += one.priced.rows
        if rows >= PORTION:
            yield portion
            portion, rows = [], 0
    if portion:
        yield portion
