"""How much each feature adds to a price: exact SHAP values, in price units, a share for each of a house's columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from casa.house import Array
from casa.model.ensemble import Member
from casa.model.preprocessor import Preprocessor

if TYPE_CHECKING:
    from xgboost import Booster


class Shares(NamedTuple):
    """Base values (n,) and features' shares (n, features): base + shares = price, in thousands of dollars."""

    base: Array
    contributions: Array


class Explainer:
    """Shares of houses' prices.

    XGBoost gives the exact SHAP values of each booster on its own scale (Lundberg et al., "From local
    explanations to global understanding with explainable AI for trees", 2020). A booster of log prices is
    brought to price units along the straight path from its base to its answer (Aumann and Shapley, 1974;
    "integrated gradients", Sundararajan et al., 2017): each share keeps its proportion and they add up to the price.
    A term made of two columns gives each one half, as Shapley values split what a pair only earns together
    (Harsanyi's dividends, 1963).
    """

    def __init__(self, preprocessor: Preprocessor, members: Sequence[Member], forest: Booster) -> None:
        self._preprocessor = preprocessor
        self._members = members
        self._forest = forest
        self._split = np.array([[parents.count(name) / len(parents) for name in preprocessor.columns]
                                for parents in preprocessor.parents])  # fmt: skip

    def shares(self, houses: Array) -> Shares:
        """Shares of the prices of houses (n, features), NaN for a gap."""
        import xgboost as xgb

        rows = xgb.DMatrix(self._preprocessor.transform(houses), nthread=1)
        base, terms = np.zeros(len(houses)), np.zeros((len(houses), len(self._split)))
        shares = self._forest.predict(rows, pred_contribs=True).astype(np.float64)
        shares = shares.reshape(len(houses), -1, len(self._split) + 1)  # XGBoost drops a lone booster's axis
        for place, member in enumerate(self._members):
            values = shares[:, place]
            scale, start = _price_units(member, values)
            base += member.weight * start
            terms += member.weight * scale[:, None] * values[:, :-1]
        # Row by row: a product of matrices would give a house another last digit than it has alone.
        return Shares(base, np.vecmat(terms, self._split))


def _price_units(member: Member, values: Array) -> tuple[Array, Array]:
    """What one unit of a SHAP value is worth (n,), and the base (n,), both in price units."""
    start = values[:, -1] + member.center
    if member.link == "identity":
        return np.ones(len(values)), start
    total = values[:, :-1].sum(axis=1)
    slope = np.divide(np.expm1(total), total, out=np.ones_like(total), where=np.abs(total) > 1e-12)
    return np.exp(start) * slope, np.exp(start)
