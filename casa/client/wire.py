"""What Python calls a number, as JSON can say it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real

House = Mapping[str, float | None]
"""A house's features by name; those that are optional may be None, NaN or left out.

Any real number will do, numpy's too. What is none, infinity among it, the service refuses in its own words.
"""

Row = dict[str, float | str | None]

NAN = "nan"


def row(house: object) -> Row | None:
    """A house without its NaNs, by which pandas marks what is missing; None for what is no house at all."""
    if not isinstance(house, Mapping):
        return None
    numbers = {str(name): None if value is None else number(value) for name, value in house.items()}
    return {name: value for name, value in numbers.items() if value != NAN}


def number(value: object) -> float | str:
    """The same number as a float; a word for what is none in JSON, which the service refuses where it stands."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return type(value).__name__
    try:
        same = float(value)
    except (OverflowError, ValueError):  # ValueError: a NaN that signals, of the module decimal
        return "too large"
    return same if math.isfinite(same) else str(same)  # NAN, inf, -inf


def place(value: object) -> int | str:
    """The same for a whole number."""
    return int(value) if isinstance(value, Integral) else type(value).__name__
