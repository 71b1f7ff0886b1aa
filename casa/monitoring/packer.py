"""Finished calls as rows of the table `predictions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

import numpy as np

from casa.house import HOUSE, Array
from casa.monitoring.answers import Answered
from casa.monitoring.reference import Reference

PORTION = 500
"""Rows that are packed at once: the other threads wait as long."""
HOUSE_BYTES = 8 * len(HOUSE.names)
BITS = 1 << np.arange(len(HOUSE.names))

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
        warnings = iter((((houses < self._low) | (houses > self._high)) @ BITS).tolist())
        cells = (packed[at : at + HOUSE_BYTES] for at in range(0, len(packed), HOUSE_BYTES))
        for one in answered:
            places = one.priced.places or range(one.row, one.row + len(one.priced.houses))
            for place, prices in zip(places, zip(*map(_plain, one.priced.prices), strict=True), strict=True):
                who = one.request_id, place, one.at, one.client
                yield (*who, next(cells), *prices, self._version, next(warnings))


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
