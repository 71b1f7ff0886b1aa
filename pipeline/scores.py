"""How good a model's answers are, with the uncertainty of a small test set."""

from __future__ import annotations

from itertools import pairwise
from typing import TypedDict

import numpy as np

from casa.house import Array
from casa.model.ensemble import Prices


class Range(TypedDict):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def rmse(prices: Array, predicted: Array) -> float:
    """Root mean squared error, in thousands of dollars."""
    return float(np.sqrt(np.mean((predicted - prices) ** 2)))


def mae(prices: Array, predicted: Array) -> float:
    """Mean absolute error, in thousands of dollars."""
    return float(np.mean(np.abs(predicted - prices)))


def r2(prices: Array, predicted: Array) -> float:
    """Share of the prices' variance that is explained; 0 where they do not vary."""
    spread = float(np.sum((prices - prices.mean()) ** 2))
    return 1 - float(np.sum((predicted - prices) ** 2)) / spread if spread else 0.0


SCORES = {"rmse": rmse, "mae": mae, "r2": r2}


def scores(prices: Array, predicted: Array) -> dict[str, float]:
    """Every score of predictions (n,) for prices (n,)."""
    return {name: score(prices, predicted) for name, score in SCORES.items()}


def ranges(prices: Array, predicted: Array, *, bootstraps: int, seed: int) -> dict[str, Range]:
    """Every score with its percentile interval (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993)."""
    draws = np.random.default_rng(seed).integers(len(prices), size=(bootstraps, len(prices)))
    return {name: _range([score(prices[d], predicted[d]) for d in draws], score(prices, predicted))
            for name, score in SCORES.items()}  # fmt: skip


def _range(values: list[float], value: float) -> Range:
    low, high = np.quantile(values, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high)}


def interval_scores(prices: Array, predicted: Prices) -> dict[str, float]:
    """How many of the prices the intervals hold, of all and of the dearest fifth, and how wide they are."""
    held = (predicted.low <= prices) & (prices <= predicted.high)
    dearest = prices >= np.quantile(prices, 0.8)
    return {
        "coverage": float(held.mean()),
        "coverage_dearest_fifth": float(held[dearest].mean()),
        "width": float(np.mean(predicted.high - predicted.low)),
    }


def group_scores(groups: Array, prices: Array, predicted: Array, *, edges: Array) -> list[dict[str, float]]:
    """Error and bias of the rows between neighbouring edges; groups (n,) with NaN belong to none."""
    found = []
    for low, high in pairwise(edges):
        inside = (groups >= low) & ((groups < high) | ((high == edges[-1]) & (groups == high)))
        if inside.any():
            error = predicted[inside] - prices[inside]
            found.append({"low": float(low), "high": float(high), "rows": int(inside.sum()),
                          "rmse": float(np.sqrt(np.mean(error**2))), "bias": float(error.mean())})  # fmt: skip
    return found
