"""How wide an interval must be: conformal scores from out-of-fold residuals, in units of each house's difficulty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xgboost as xgb
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold

from casa.house import Array
from casa.model.ensemble import Member
from casa.model.preprocessor import Matrix
from pipeline.boosting import boost
from pipeline.recipe import Recipe

Places = NDArray[np.intp]

FOLDS = 5
OFFSET = 0.5
"""Added to a residual before its log is taken: below $500 residuals are luck, not ease."""

ROUNDS = 80
PARAMS = {"max_depth": 2, "learning_rate": 0.05}


@dataclass(frozen=True)
class Calibration:
    """What makes an interval: price ± `quantile` times the difficulty, the exponential of the booster's answer."""

    member: Member
    booster: xgb.Booster
    quantile: float
    residuals: Array
    """Predicted minus actual price (repeats, n), each by a model that has not seen the house."""
    difficulties: Array
    """The houses' difficulties (repeats, n), each learned without the house."""

    @property
    def rmse_per_width(self) -> float:
        """The RMSE for each unit of the intervals' root mean square half width, on houses that were held out."""
        widths = self.quantile * self.difficulties
        return float(np.sqrt(np.mean(self.residuals**2) / np.mean(widths**2)))


class Fold(NamedTuple):
    """One fold: which houses it held out, their residuals, and all houses' terms, scaled without the held out."""

    held: Places
    residuals: Array
    rows: Matrix


def calibrate(
    recipe: Recipe, houses: Array, prices: Array, *, coverage: float, repeats: int, seed: int, workers: int
) -> Calibration:
    """The interval of the recipe learned from houses (n, columns) and prices (n,); one seed, one set of folds.

    Scores are absolute residuals divided by a difficulty (Papadopoulos et al., "Normalized nonconformity
    measures for regression conformal prediction", 2008), pooled over cross-validation's folds (Vovk,
    "Cross-conformal predictors", 2015). A held-out house's difficulty is predicted without it, as a new house's is.
    """
    folds = _fold_all(recipe, houses, prices, repeats=repeats, seed=seed, workers=workers)
    residuals = _gather(folds, [fold.residuals for fold in folds], repeats=repeats)
    target = np.log(np.abs(residuals) + OFFSET).mean(axis=0)
    difficulties = _gather(folds, [_difficulties(fold, target) for fold in folds], repeats=repeats)
    member, booster = _learn_difficulty(recipe.learn_preprocessor(houses).transform(houses), target)
    quantile = pooled_quantile(np.abs(residuals) / difficulties, coverage=coverage)
    return Calibration(member, booster, quantile, residuals, difficulties)


def pooled_quantile(scores: Array, *, coverage: float) -> float:
    """The quantile of scores (repeats, n) with the correction for n houses; repeats add no houses.

    Its rank among the scores of one repeat is ceil((n + 1) coverage) (Lei et al., "Distribution-free predictive
    inference for regression", 2018); where that passes n, no finite width is enough and the largest score is given.
    """
    repeats, houses = scores.shape
    rank = min(math.ceil((houses + 1) * coverage), houses)
    return float(np.sort(scores, axis=None)[rank * repeats - 1])


def _fold_all(recipe: Recipe, houses: Array, prices: Array, *, repeats: int, seed: int, workers: int) -> Sequence[Fold]:
    splits = RepeatedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(houses)
    jobs = (delayed(_fold)(recipe, houses, prices, train=train, held=held) for train, held in splits)
    folds: Sequence[Fold] = Parallel(workers)(jobs)
    return folds


def _fold(recipe: Recipe, houses: Array, prices: Array, *, train: Places, held: Places) -> Fold:
    fitted = clone(recipe).fit(houses[train], prices[train])
    return Fold(held, fitted.predict(houses[held]) - prices[held], fitted.preprocessor_.transform(houses))


def _gather(folds: Sequence[Fold], values: Sequence[Array], *, repeats: int) -> Array:
    """The folds' values (held,) put together to one row (n,) a repeat."""
    gathered = np.empty((repeats, len(folds[0].rows)))
    for place, (fold, value) in enumerate(zip(folds, values, strict=True)):
        gathered[place // FOLDS, fold.held] = value
    return gathered


def _difficulties(fold: Fold, target: Array) -> Array:
    """Difficulties of the held-out houses, learned from the others."""
    others = np.delete(np.arange(len(target)), fold.held)
    member, booster = _learn_difficulty(fold.rows[others], target[others])
    return member.respond(booster.inplace_predict(fold.rows[fold.held], predict_type="margin"))


def _learn_difficulty(rows: Matrix, target: Array) -> tuple[Member, xgb.Booster]:
    """Small on purpose: residuals are mostly noise, and their size is all that is asked for."""
    center = float(target.mean())
    return Member("difficulty.ubj", "log", center), boost(rows, target - center, params=PARAMS, rounds=ROUNDS)
