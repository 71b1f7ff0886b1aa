"""How the values for gaps are learned."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (it makes the next import possible)
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from casa.house import Array
from casa.model.preprocessor import Imputer, Step

SWEEPS = 10


def medians(rows: Array) -> Imputer:
    """Each column's median; 0 for a column without any value."""
    fitted = SimpleImputer(strategy="median", keep_empty_features=True).fit(rows)
    return Imputer(tuple(map(float, fitted.statistics_)))


def chained(rows: Array) -> Imputer:
    """Each column by ridge regression from the others, up to `SWEEPS` times over, on standardised columns.

    A column without any value is filled with 0, as by `medians`.
    """
    rows = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    scaler = StandardScaler().fit(rows)
    fitted = IterativeImputer(Ridge(), max_iter=SWEEPS, keep_empty_features=True)
    with warnings.catch_warnings():
        # The sweeps are few on purpose: later ones change prices by less than the noise of a split.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(scaler.transform(rows))
    initial = scaler.inverse_transform([fitted.initial_imputer_.statistics_])[0]
    steps = [_step(one.feat_idx, one.neighbor_feat_idx, one.estimator, scaler) for one in fitted.imputation_sequence_]
    return Imputer(tuple(map(float, initial)), tuple(steps))


def _step(target: int, neighbours: Array, ridge: Ridge, scaler: StandardScaler) -> Step:
    """The regression in the rows' own units: the scaler is folded into its weights."""
    weights = np.zeros(len(scaler.mean_))
    weights[neighbours] = ridge.coef_ * scaler.scale_[target] / scaler.scale_[neighbours]
    intercept = scaler.mean_[target] + scaler.scale_[target] * ridge.intercept_ - weights @ scaler.mean_
    return Step(int(target), float(intercept), tuple(map(float, weights)))
