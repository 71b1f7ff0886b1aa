"""Houses in, prices out: the one place where a price is made, whatever the transport."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple, TypedDict

import numpy as np

from casa.house import HOUSE, Array, Declaration
from casa.model.bounds import Bounds, places
from casa.model.bundle import GRAPH, REFERENCE, Bundle
from casa.model.engine import BoosterEngine, Engine, OnnxEngine
from casa.model.ensemble import Prices
from casa.model.explain import Explainer, Shares
from casa.model.single import SinglePrice, SinglePricer

ONNX_ROWS = 48
"""Up to this many rows ONNX Runtime is the faster engine: measured by `benchmarks/engines.py`."""

FEW = 2
"""Up to this many single houses, one after the other is faster: a matrix takes 64 µs at least, a house alone 25."""


class HouseWarning(TypedDict):
    """A value outside the training data: the trees answer as for the nearest value they have seen."""

    feature: str
    reason: str
    low: float
    high: float


class Quote(NamedTuple):
    """What is told of one house: its price, its interval's ends, and warnings."""

    price: float
    low: float
    high: float
    warnings: list[HouseWarning]


class Pricer:
    """Prices houses with one bundle. Safe to share between threads."""

    def __init__(self, bundle: Bundle, *, declaration: Declaration = HOUSE) -> None:
        self.bundle = bundle
        self._small: Engine = OnnxEngine(bundle.files[GRAPH])
        self._single = SinglePricer(bundle.preprocessor, bundle.ensemble, self._small)
        seen = bundle.document(REFERENCE)["features"]
        self._warnings = [_warning(name, seen[name]) for name in declaration.names]
        self._bounds = Bounds(*(np.array([warning[end] for warning in self._warnings]) for end in ("low", "high")))
        self._told = cache(self._tell)  # few sets of warnings are common, and all of them together are some thousand

    def load(self) -> None:
        """Load what large batches and explanations need; the first of them does it otherwise."""
        _ = self._explainer

    @cached_property
    def _large(self) -> BoosterEngine:
        return BoosterEngine(self.bundle.boosters)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.bundle.preprocessor, self.bundle.ensemble.members, self._large.forest)

    @property
    def coverage(self) -> float:
        """The share of prices that the intervals are made to hold."""
        return self.bundle.ensemble.coverage

    def price(self, rows: Array) -> Prices:
        """Prices of houses (n, features), NaN where a value is left out, in thousands of dollars."""
        if not len(rows):
            return Prices(*(np.empty(0) for _ in Prices._fields))
        engine: Engine = self._small if len(rows) <= ONNX_ROWS else self._large
        return self.bundle.ensemble.prices(engine.margins(self.bundle.preprocessor.transform(rows)))

    def price_one(self, house: Sequence[float]) -> SinglePrice:
        """The price of one house (features,): the digits of `price`, in a third of its time."""
        return self._single.price(house)

    def quote_each(self, houses: Sequence[Sequence[float]]) -> list[Quote]:
        """The prices of single houses (n, features), by whichever way is faster: the digits are the same."""
        if len(houses) <= FEW:
            return [Quote(*self._single.price(house), self.warnings(house)) for house in houses]
        rows = np.array(houses, dtype=np.float64)
        columns = (column.tolist() for column in self.price(rows))
        return list(map(Quote, *columns, self.warnings_each(rows)))

    def explain(self, rows: Array) -> Shares:
        """How much each feature adds to the prices of houses (n, features), NaN where a value is left out."""
        return self._explainer.shares(rows)

    def warnings_each(self, houses: Array) -> list[list[HouseWarning]]:
        """`warnings` of each of the houses (n, features)."""
        return list(map(self._told, self._bounds.outside(houses)))

    def _tell(self, outside: int) -> list[HouseWarning]:
        return [self._warnings[place] for place in places(outside)]

    def warnings(self, row: Sequence[float]) -> list[HouseWarning]:
        """The values of one house (NaN for one left out) that lie outside the training data."""
        return [
            warning
            for value, warning in zip(row, self._warnings, strict=True)
            if not (warning["low"] <= value <= warning["high"] or math.isnan(value))
        ]


def _warning(feature: str, seen: Mapping[str, Any]) -> HouseWarning:
    return {"feature": feature, "reason": "outside training data", "low": seen["low"], "high": seen["high"]}
