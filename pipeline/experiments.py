"""The experiments: a randomised search, a selection by SHAP values, the champion's recipe, and how they are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler, RepeatedKFold

from casa.house import Array
from casa.model.explain import Explainer
from casa.model.forest import join
from pipeline.recipe import Recipe
from pipeline.scores import rmse

Places = NDArray[np.intp]

CHAMPION: Mapping[str, Any] = {
    "logs": ("CRIM", "DIS", "LSTAT", "RM"),
    "extra_terms": ("TAX/RM", "PTRATIO/RM", "CRIM*NOX", "DIS*LSTAT", "AGE*RM", "CRIM*RAD"),
    "chain": True,
    "copies": 9,
    "noise": 0.12,
    "links": ("log", "identity", "log", "identity"),
    "rounds": 100,
    "learning_rate": 0.25,
    "max_depth": 4,
    "subsample": 0.7,
    "colsample_bynode": 0.35,
}
"""The recipe of the fourth experiment; `benchmarks/model_quality.py` measures it."""

SPACE: Mapping[str, Sequence[float]] = {
    "rounds": range(50, 601, 50),
    "learning_rate": (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3),
    "max_depth": range(3, 9),
    "subsample": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "colsample_bytree": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "min_child_weight": (1, 2, 3, 5, 8, 12),
    "reg_lambda": (0.1, 0.3, 1.0, 3.0, 10.0),
}
"""Where the randomised search draws from, each value as likely as its neighbours."""


@dataclass(frozen=True)
class Draw:
    """One point of a search: a recipe's parameters and its cross-validated error, in thousands of dollars."""

    params: dict[str, Any]
    rmse: float


def search(
    houses: Array,
    prices: Array,
    *,
    features: Sequence[str],
    draws: int,
    folds: int,
    seed: int,
    workers: int,
    progress: Callable[[int], None],
) -> tuple[dict[str, Any], float, list[Draw]]:
    """The best parameters, their error, and every draw (Bergstra and Bengio, "Random search for hyper-parameter
    optimization", 2012). All draws meet the same folds; the workers only share the work."""
    points = [
        {"features": tuple(features), "seed": seed, **point}
        for point in ParameterSampler(SPACE, n_iter=draws, random_state=seed)
    ]
    judge = delayed(cross_validate)
    jobs = (judge(Recipe(**p), houses, prices, folds=folds, repeats=1, seed=seed, workers=1) for p in points)
    tried = []
    for point, error in zip(points, Parallel(workers, return_as="generator")(jobs), strict=True):
        tried.append(Draw(point, error))
        progress(1)
    best = min(tried, key=lambda draw: draw.rmse)
    return best.params, best.rmse, tried


def select(recipe: Recipe, houses: Array, prices: Array, *, most: int = 10) -> tuple[str, ...]:
    """The features with the largest mean absolute SHAP values, largest first; equals keep the recipe's order.

    The recipe is learned from the houses (n, columns) and explained on them (`Explainer`).
    """
    fitted = clone(recipe).fit(houses, prices)
    shares = Explainer(fitted.preprocessor_, fitted.members_, join(fitted.boosters_)).shares(houses)
    sizes = dict(zip(recipe.columns, np.abs(shares.contributions).mean(axis=0), strict=True))
    return tuple(sorted(recipe.features, key=lambda name: -sizes[name])[:most])


def cross_validate(
    recipe: Recipe, houses: Array, prices: Array, *, folds: int, repeats: int, seed: int, workers: int
) -> float:
    """Mean RMSE over repeated K-fold cross-validation, in thousands of dollars; one seed, one set of folds."""
    splits = RepeatedKFold(n_splits=folds, n_repeats=repeats, random_state=seed).split(houses)
    jobs = (delayed(_test)(recipe, houses, prices, train=train, test=test) for train, test in splits)
    return float(np.mean(Parallel(workers)(jobs)))


def _test(recipe: Recipe, houses: Array, prices: Array, *, train: Places, test: Places) -> float:
    fitted = clone(recipe).fit(houses[train], prices[train])
    return rmse(prices[test], fitted.predict(houses[test]))
