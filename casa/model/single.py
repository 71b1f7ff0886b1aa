"""One house at a time: the matrices' arithmetic on plain floats.

The same operations in the same order give the same digits, and numpy's cost of a call, most of what a
single house takes, falls away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from casa.model.engine import Engine
from casa.model.ensemble import DECIMALS, Ensemble, Member
from casa.model.preprocessor import TERM, Matrix, Preprocessor

GRID = 10.0**DECIMALS


class SinglePrice(NamedTuple):
    """A price and its interval's ends, in thousands of dollars."""

    price: float
    low: float
    high: float


class Term(NamedTuple):
    """One term: where its two factors stand in a padded row, and its scale."""

    left: int
    right: int
    mean: float
    scale: float


class SinglePricer:
    """Prices one house as `Pricer.price` does, to the last digit."""

    def __init__(self, preprocessor: Preprocessor, ensemble: Ensemble, engine: Engine) -> None:
        self._ensemble = ensemble
        self._engine = engine
        self._initial = preprocessor.imputer.initial
        self._steps = [(step.target, np.array(step.weights), step.intercept) for step in preprocessor.imputer.steps]
        self._floors = [(preprocessor.columns.index(name), floor) for name, floor in preprocessor.floors.items()]
        self._divisors = _divisors(preprocessor)
        self._terms = _terms(preprocessor, self._divisors)

    def price(self, house: Sequence[float]) -> SinglePrice:
        """The price of one house (features,), NaN where a value is left out."""
        margins = self._engine.margins(self.transform(house))[0].tolist()
        price = 0.0
        for member, margin in zip(self._ensemble.members, margins, strict=False):
            price += member.weight * _respond(member, margin)
        width = self._ensemble.quantile * _respond(self._ensemble.difficulty, margins[-1])
        return SinglePrice(*(_round(max(end, 0.0)) for end in (price, price - width, price + width)))

    def transform(self, house: Sequence[float]) -> Matrix:
        """The house as the row (1, terms) that the trees read."""
        row = self._fill(self._logged(house))
        row += [1.0, *(_inverse(row[at]) for at in self._divisors)]
        terms = [(row[left] * row[right] - mean) / scale for left, right, mean, scale in self._terms]
        return np.array([terms], dtype=np.float32)

    def _logged(self, house: Sequence[float]) -> list[float]:
        row = list(house)
        for at, floor in self._floors:
            row[at] = float(np.log(max(row[at], floor)))  # numpy's logarithm: its last digit may not be math's
        return row

    def _fill(self, row: list[float]) -> list[float]:
        if not math.isnan(sum(row)):
            return row
        missing = [math.isnan(value) for value in row]
        filled = np.where(missing, self._initial, row)
        for target, weights, intercept in self._steps:
            if missing[target]:
                filled[target] = np.add.reduce(filled * weights) + intercept
        told: list[float] = filled.tolist()
        return told


def _divisors(preprocessor: Preprocessor) -> list[int]:
    """The columns that a term divides by."""
    matches = [TERM.fullmatch(term) for term in preprocessor.terms]
    names = dict.fromkeys(match[3] for match in matches if match and match[2] == "/")
    return [preprocessor.columns.index(name) for name in names]


def _terms(preprocessor: Preprocessor, divisors: list[int]) -> list[Term]:
    """Each term's place in a padded row: the columns, one, the divisors' inverses."""
    columns = preprocessor.columns
    terms = []
    for term, mean, scale in zip(preprocessor.terms, preprocessor.mean, preprocessor.scale, strict=True):
        match = TERM.fullmatch(term)
        assert match, "a preprocessor's terms were checked when it was made"
        right = columns.index(match[3]) if match[3] else len(columns)
        if match[2] == "/":
            right = len(columns) + 1 + divisors.index(right)
        terms.append(Term(columns.index(match[1]), right, mean, scale))
    return terms


def _inverse(value: float) -> float:
    return 1.0 / value if value else math.copysign(math.inf, value)


def _respond(member: Member, margin: float) -> float:
    centered = margin + member.center
    return float(np.exp(centered)) if member.link == "log" else centered


def _round(value: float) -> float:
    return round(value * GRID) / GRID
