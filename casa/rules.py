"""The declaration's rules, held against many houses at once and told in the words the API uses for one."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from casa.errors import Flaw
from casa.house import HOUSE, Array, Declaration, Feature, house_model

Flags = NDArray[np.bool_]
Codes = NDArray[np.uint8]


class Rule(NamedTuple):
    """One rule's name, as pydantic has it, and its sentence."""

    type: str
    words: str


class Rules:
    """What each value of a house may be. A value's first broken rule counts, in pydantic's order."""

    def __init__(self, declaration: Declaration = HOUSE) -> None:
        self._features = declaration.features
        self._rules = [_told(declaration, feature) for feature in declaration.features]
        self._low = np.array([feature.low for feature in self._features], dtype=np.float64)
        self._high = np.array([feature.high for feature in self._features], dtype=np.float64)
        self._required = np.array([not feature.optional for feature in self._features])
        self._binary = np.array([feature.binary for feature in self._features])

    def codes(self, houses: Array, text: Flags) -> Codes:
        """The rule that each value breaks, 0 where none, (n, features).

        `houses` has NaN for a gap; `text` marks the cells that hold something else than a number.
        """
        broken = [
            text,
            np.isinf(houses),
            np.isnan(houses) & self._required,
            houses > self._high,
            houses < self._low,
            self._binary & ~np.isnan(houses) & (houses != 0) & (houses != 1),
        ]
        return np.select(broken, [np.uint8(code) for code in range(1, len(broken) + 1)], default=np.uint8(0))

    def all_kept(self, houses: Array) -> bool:
        """Does no value of houses (n, features) without gaps break a rule?"""
        inside = (houses >= self._low) & (houses <= self._high)
        flags = houses[:, self._binary]
        return bool(inside.all() and ((flags == 0) | (flags == 1)).all())

    def rule(self, place: int, code: int) -> Rule:
        """The rule behind a code in the column `place`."""
        return self._rules[place][code - 1]

    def flaw(self, place: int, code: int) -> Flaw:
        """The same as one of an InvalidHouse's flaws."""
        rule = self.rule(place, code)
        return {"loc": [self._features[place].name], "msg": rule.words, "type": rule.type}


def _told(declaration: Declaration, feature: Feature) -> list[Rule]:
    """The feature's rules in the order of `Rules.codes`, each learned by breaking it."""
    values = ["text", math.inf, None, feature.high + 1, feature.low - 1, 0.5]
    return [_break(declaration, feature.name, value) for value in values]


def _break(declaration: Declaration, name: str, value: Any) -> Rule:  # what a caller might send
    house = {**declaration.example, name: value}
    if value is None:
        del house[name]
    try:
        _model(declaration).model_validate(house)
    except ValidationError as error:
        flaw = error.errors(include_url=False)[0]
        return Rule(flaw["type"], flaw["msg"])
    return Rule("", "")  # no rule of this column: its code is never given


@cache
def _model(declaration: Declaration) -> type[BaseModel]:
    return house_model(declaration)
