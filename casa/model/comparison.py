"""Is a model better than the champion on houses that neither has seen, by more than luck, and worse for nobody?

All intervals are percentiles of a paired bootstrap: both models are measured on the same redrawn houses (Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993), so that what makes a house hard for both of them cancels out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from casa.house import HOUSE, Array
from casa.model.ensemble import Prices

Mask = NDArray[np.bool_]

CONFIDENCE = 0.95
"""One-sided: what is claimed of the models holds in so many of the draws."""
MARGIN = 0.01
"""The share of the champion's RMSE that a better model must gain at least."""
GROUP_LOSS = 0.2
"""The share of a group's RMSE that a better model may lose there; a group is small, and there are several."""
WIDER = 0.1
"""The share by which its intervals may be wider."""
LEAST_ROWS = 10
"""A smaller group says nothing."""
DRAWS = 4000
SEED = 0


class Verdict(NamedTuple):
    """What came of a comparison, in a sentence and in figures."""

    better: bool
    reason: str
    figures: Mapping[str, Any]
    """As JSON, for the report."""


class Pair(NamedTuple):
    """Two models' answers for the same houses, and what these cost (n,)."""

    new: Prices
    old: Prices
    prices: Array

    def only(self, rows: Mask) -> Pair:
        """The same of some of the houses."""
        return Pair(Prices(*(c[rows] for c in self.new)), Prices(*(c[rows] for c in self.old)), self.prices[rows])


def compare(pair: Pair, *, groups: Mapping[str, Mask], aim: float) -> Verdict:
    """Judge the new model; `aim` is the share of prices that intervals are made to hold, groups are rows (n,)."""
    gain = gains(pair)
    old, new = rmse(pair.old.price, pair.prices), rmse(pair.new.price, pair.prices)
    low = float(np.quantile(gain, 1 - CONFIDENCE))
    figures = {"rmse": new, "champion_rmse": old, "gain_at_least": low, "confidence": CONFIDENCE, "margin": MARGIN,
               "rows": len(pair.prices), "intervals": intervals(pair), "groups": _tables(pair, groups)}  # fmt: skip
    lack = [] if low > MARGIN * old else [f"a gain of {MARGIN:.0%} is not certain: it is {low:.3f} at least"]
    wrong = [*lack, *_intervals_worse(pair, aim=aim), *_groups_worse(pair, groups)]
    sentence = wrong[0] if wrong else f"the gain is {low:.3f} at least"
    return Verdict(not wrong, f"{sentence}, with {CONFIDENCE:.0%} confidence", {**figures, "objections": wrong})


def rmse(predicted: Array, prices: Array) -> float:
    """Root mean squared error, in thousands of dollars."""
    return float(np.sqrt(np.mean((predicted - prices) ** 2)))


def gains(pair: Pair) -> Array:
    """How much smaller the new model's RMSE is, in each draw (draws,)."""
    old, new = ((side.price - pair.prices) ** 2 for side in (pair.old, pair.new))
    return np.asarray(_redrawn(old) - _redrawn(new))


def intervals(pair: Pair) -> dict[str, float]:
    """How many prices the intervals hold, and how wide they are."""
    return {
        "coverage": float(_held(pair.new, pair.prices).mean()),
        "champion_coverage": float(_held(pair.old, pair.prices).mean()),
        "width": _width(pair.new),
        "champion_width": _width(pair.old),
    }


def groups_of(houses: Array, prices: Array) -> dict[str, Mask]:
    """Who must not lose: thirds by price, tracts on the river, tracts at a highway. Houses are (n, features)."""
    low, high = np.quantile(prices, (1 / 3, 2 / 3))
    chas, rad = (houses[:, HOUSE.names.index(name)] for name in ("CHAS", "RAD"))
    return {
        "cheapest third": prices <= low,
        "middle third": (prices > low) & (prices <= high),
        "dearest third": prices > high,
        "on the river": chas == 1,
        "at a highway": rad == 24,
        "elsewhere": rad < 24,
    }


def _redrawn(errors: Array) -> Array:
    """The root mean of squared errors (n,) in each draw (draws,): the same draws for every model."""
    places = np.random.default_rng(SEED).integers(len(errors), size=(DRAWS, len(errors)))
    return np.asarray(np.sqrt(errors[places].mean(axis=1)))


def _intervals_worse(pair: Pair, *, aim: float) -> Iterator[str]:
    """Fewer prices held than the aim and than before, or as many at too great a width."""
    found = intervals(pair)
    lost = _held(pair.old, pair.prices).astype(float) - _held(pair.new, pair.prices)
    places = np.random.default_rng(SEED).integers(len(lost), size=(DRAWS, len(lost)))
    if found["coverage"] < aim and float(np.quantile(lost[places].mean(axis=1), 1 - CONFIDENCE)) > 0:
        yield f"its intervals hold {found['coverage']:.1%} of prices, the champion's {found['champion_coverage']:.1%}"
    if found["champion_coverage"] >= aim and found["width"] > (1 + WIDER) * found["champion_width"]:
        yield f"its intervals are {found['width']:.2f} wide, the champion's {found['champion_width']:.2f}"


def _groups_worse(pair: Pair, groups: Mapping[str, Mask]) -> Iterator[str]:
    for name, part in _large(pair, groups):
        old, new = rmse(part.old.price, part.prices), rmse(part.new.price, part.prices)
        if new > (1 + GROUP_LOSS) * old and float(np.quantile(gains(part), CONFIDENCE)) < 0:
            yield f"it is worse for a group ({name}): RMSE {new:.3f} against {old:.3f} on {len(part.prices)} houses"


def _tables(pair: Pair, groups: Mapping[str, Mask]) -> list[dict[str, Any]]:
    return [
        {"group": name, "rows": len(part.prices), "rmse": rmse(part.new.price, part.prices),
         "champion_rmse": rmse(part.old.price, part.prices)}
        for name, part in _large(pair, groups)
    ]  # fmt: skip


def _large(pair: Pair, groups: Mapping[str, Mask]) -> Iterator[tuple[str, Pair]]:
    return ((name, pair.only(rows)) for name, rows in groups.items() if rows.sum() >= LEAST_ROWS)


def _held(side: Prices, prices: Array) -> Mask:
    return np.asarray((side.low <= prices) & (prices <= side.high))


def _width(side: Prices) -> float:
    return float(np.mean(side.high - side.low))
