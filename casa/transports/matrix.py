"""From tensors to houses: one matrix, every value of it within its range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from casa.errors import MalformedRequest
from casa.house import HOUSE, Array
from casa.rules import Codes, Rules
from casa.transports.tensor import HOUSES, Tensor

_LOW = np.array([feature.low for feature in HOUSE.features])
_HIGH = np.array([feature.high for feature in HOUSE.features])
_BINARY = [place for place, feature in enumerate(HOUSE.features) if feature.binary]

_rules = cache(Rules)


def stack(tensors: Sequence[Tensor]) -> Array:
    """Houses (n, features) of the tensor `houses` or of one tensor a feature, NaN for a value left out.

    MalformedRequest says what does not fit or is out of range.
    """
    named = {tensor.name: tensor.values for tensor in tensors}
    if len(named) < len(tensors):
        raise MalformedRequest("an input is given more than once")
    houses = named[HOUSES] if set(named) == {HOUSES} else _join(named)
    check(houses)
    return houses


def check(houses: Array) -> None:
    """MalformedRequest, with the first wrong value's row and feature, unless every house can be priced."""
    if not len(houses):
        raise MalformedRequest("at least one house is required")
    if _is_plain(houses):
        return
    codes = _rules().codes(houses, np.zeros(houses.shape, dtype=np.bool_))
    if codes.any():
        raise MalformedRequest(_tell(codes))


def _is_plain(houses: Array) -> bool:
    """Is every value in its range beyond doubt? Then the rules need not be asked, which takes four times as long."""
    inside = (houses >= _LOW) & (houses <= _HIGH)
    return bool(inside.all()) and not np.mod(houses[:, _BINARY], 1).any()


def _join(named: Mapping[str, Array]) -> Array:
    if HOUSES in named:
        raise MalformedRequest(f"send {HOUSES} or one input a feature, not both")
    for feature in HOUSE.features:
        if not feature.optional and feature.name not in named:
            raise MalformedRequest(f"the input {feature.name} is missing; send it, or all features as {HOUSES}")
    sizes = {len(values) for values in named.values()}
    if len(sizes) > 1:
        raise MalformedRequest("the inputs must all hold the same number of houses")
    gap = np.full(sizes.pop(), np.nan)
    return np.column_stack([named[name].ravel() if name in named else gap for name in HOUSE.names])


def _tell(codes: Codes) -> str:
    row, place = (int(at) for at in np.argwhere(codes)[0])
    flaw = _rules().flaw(place, int(codes[row, place]))
    more = np.count_nonzero(codes) - 1
    return f"row {row}, {HOUSE.names[place]}: {flaw['msg']}" + (f" (and {more} more)" if more else "")
