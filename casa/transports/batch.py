"""Many rows at once: a matrix of the good ones, and what is wrong with the others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from casa.errors import Flaw, InvalidHouse
from casa.house import HOUSE, Array
from casa.rules import Rules
from casa.transports import parse
from casa.transports.flaws import find, within
from casa.transports.plain import plain

NUMBERS = frozenset({float, int, type(None)})
"""The types a value may have; bool is an int to Python and none to us."""

Values = tuple[float | None, ...]

_WIDTH = len(HOUSE.names)
_pick = itemgetter(*HOUSE.names)
_left_out = dict.fromkeys((feature.name for feature in HOUSE.features if feature.optional), None)
_rules = Rules()


class Batch(NamedTuple):
    """The rows of one call."""

    houses: Array
    """The good rows (n, features), NaN where a value is left out."""
    places: list[int]
    """Where each of them stands in the call."""
    spoiled: dict[int, list[Flaw]]
    """What is wrong with the others, by their place."""

    @property
    def size(self) -> int:
        """How many rows the call has."""
        return len(self.places) + len(self.spoiled)


def read(body: bytes, *, most: int = sys.maxsize) -> Batch:
    """The rows of a body.

    MalformedRequest if it is not JSON, InvalidHouse if it holds no good row, TooLarge for over `most`.
    """
    houses = plain(body, most=most)
    if houses is not None and _rules.all_kept(houses):
        return Batch(houses, list(range(len(houses))), {})
    return batch(parse.instances(body, most=most))


def batch(rows: Sequence[Any]) -> Batch:  # what a caller sent
    """Rows as they were parsed, judged one by one; InvalidHouse if not one of them is good."""
    picked = _numbers([_values(row) for row in rows])
    places = [place for place, values in enumerate(picked) if values is not None]
    houses = np.array([picked[place] for place in places], dtype=np.float64).reshape(-1, _WIDTH)
    codes = _rules.codes(houses, np.zeros(houses.shape, dtype=np.bool_))
    good = np.asarray(codes.max(axis=1) == 0)
    kept = [place for place, is_good in zip(places, good.tolist(), strict=True) if is_good]
    spoiled = {place: find(rows[place]) for place in sorted(set(range(len(rows))) - set(kept))}
    if not kept:
        raise InvalidHouse(list(chain.from_iterable(within(place, flaws) for place, flaws in spoiled.items())))
    return Batch(houses[good], kept, spoiled)


def _values(row: Any) -> Values | None:
    """A row's values in the declaration's order; None if its names are wrong."""
    if type(row) is not dict:
        return None
    whole = row if len(row) == _WIDTH else _left_out | row
    try:
        values: Values = _pick(whole)
    except KeyError:
        return None
    return values if len(whole) == _WIDTH else None


def _numbers(picked: list[Values | None]) -> list[Values | None]:
    """The same, with None for rows that hold something else than numbers."""
    if NUMBERS.issuperset(map(type, chain.from_iterable(filter(None, picked)))):
        return picked  # nearly always: one look at all is cheaper than one at each
    return [values if values and NUMBERS.issuperset(map(type, values)) else None for values in picked]
