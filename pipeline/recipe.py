"""A recipe: how a model is learned from houses and prices. Every experiment is one of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import xgboost as xgb
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import StandardScaler

from casa.house import HOUSE, Array
from casa.model.ensemble import Link, Member
from casa.model.preprocessor import Imputer, Matrix, Preprocessor
from pipeline.boosting import boost
from pipeline.imputing import chained, medians


class Recipe(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A scikit-learn regressor over raw houses (n, features), NaN for a gap; prices in thousands of dollars.

    All that is learned, gaps' values and scales included, is learned in `fit`, so cross-validation
    never sees a held-out row. The parameters are plain values: MLflow logs them as they are.
    """

    def __init__(
        self,
        *,
        columns: Sequence[str] = HOUSE.names,
        features: Sequence[str] = HOUSE.names,
        logs: Sequence[str] = (),
        extra_terms: Sequence[str] = (),
        chain: bool = False,
        copies: int = 0,
        noise: float = 0.0,
        links: Sequence[Link] = ("identity",),
        rounds: int = 100,
        learning_rate: float = 0.3,
        max_depth: int = 6,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        colsample_bynode: float = 1.0,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.columns = columns
        self.features = features
        self.logs = logs
        self.extra_terms = extra_terms
        self.chain = chain
        self.copies = copies
        self.noise = noise
        self.links = links
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.colsample_bynode = colsample_bynode
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.seed = seed

    def fit(self, houses: Array, prices: Array, *, preprocessor: Preprocessor | None = None) -> Self:
        """Learn from houses (n, columns) and their prices (n,); a `preprocessor` that was learned already is kept."""
        houses, prices = np.asarray(houses, dtype=np.float64), np.asarray(prices, dtype=np.float64)
        self.preprocessor_ = preprocessor or self.learn_preprocessor(houses)
        rows = self.preprocessor_.transform(houses)
        fitted = [self._boost(rows, prices, link=link, place=place) for place, link in enumerate(self.links)]
        self.members_, self.boosters_ = [member for member, _ in fitted], [booster for _, booster in fitted]
        return self

    def learn_preprocessor(self, houses: Array) -> Preprocessor:
        """What `fit` learns from houses (n, columns) before it looks at a price."""
        terms = (*self.features, *self.extra_terms)
        return fit_preprocessor(houses, columns=self.columns, terms=terms, logs=self.logs, chain=self.chain)

    def predict(self, houses: Array) -> Array:
        """Prices (n,) of houses (n, columns)."""
        rows = self.preprocessor_.transform(np.asarray(houses, dtype=np.float64))
        margins = [booster.inplace_predict(rows, predict_type="margin") for booster in self.boosters_]
        responses = [m.weight * m.respond(margin) for m, margin in zip(self.members_, margins, strict=True)]
        return np.asarray(np.sum(responses, axis=0))

    def _boost(self, rows: Matrix, prices: Array, *, link: Link, place: int) -> tuple[Member, xgb.Booster]:
        target = np.log(prices) if link == "log" else prices
        center = float(target.mean())
        crowd = np.tile(target - center, self.copies + 1)
        booster = boost(self._crowd(rows, place), crowd, params=self._params(place), rounds=self.rounds)
        return Member(f"price-{place}.ubj", link, center, 1 / len(self.links)), booster

    def _crowd(self, rows: Matrix, place: int) -> Matrix:
        """The rows, then `copies` of them with noise (Bishop, "Training with noise is equivalent to Tikhonov
        regularization", 1995). Each booster has its own noise, so that their average holds less of it."""
        noise = np.random.default_rng([self.seed, place]).normal(scale=self.noise, size=(self.copies, *rows.shape))
        return np.vstack([rows, *(rows + noise).astype(np.float32)])

    def _params(self, place: int) -> dict[str, Any]:
        names = ("learning_rate", "max_depth", "subsample", "colsample_bytree", "colsample_bynode", "reg_lambda")
        crowd = self.copies + 1  # a leaf's least weight counts houses, not their copies
        return {
            **{name: getattr(self, name) for name in names},
            "min_child_weight": self.min_child_weight * crowd,
            "reg_lambda": self.reg_lambda * crowd,
            "seed": self.seed + place,
        }


def fit_preprocessor(
    houses: Array,
    *,
    columns: Sequence[str] = HOUSE.names,
    terms: Sequence[str] = HOUSE.names,
    logs: Sequence[str] = (),
    chain: bool = False,
) -> Preprocessor:
    """Gaps' values, logs' floors and scales of the terms, learned from houses (n, columns)."""
    floors = {name: _floor(houses[:, list(columns).index(name)]) for name in logs}
    draft = _unscaled(columns, floors=floors, terms=terms, imputer=Imputer((0.0,) * len(columns)))
    imputer = (chained if chain else medians)(draft.logged(houses))
    draft = _unscaled(columns, floors=floors, terms=terms, imputer=imputer)
    scaler = StandardScaler().fit(draft.expand(houses))
    return Preprocessor(
        columns=draft.columns,
        floors=floors,
        imputer=imputer,
        terms=draft.terms,
        mean=tuple(map(float, scaler.mean_)),
        scale=tuple(map(float, scaler.scale_)),
    )


def _unscaled(
    columns: Sequence[str], *, floors: dict[str, float], terms: Sequence[str], imputer: Imputer
) -> Preprocessor:
    flat = (0.0,) * len(terms), (1.0,) * len(terms)
    return Preprocessor(tuple(columns), floors, imputer, tuple(terms), *flat)


def _floor(values: Array) -> float:
    """The least positive value seen; 1 where there is none."""
    return float(values[values > 0].min()) if (values > 0).any() else 1.0
