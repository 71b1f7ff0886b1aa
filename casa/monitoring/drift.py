"""How far a window's rows have moved from the reference, and what that does to the error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from casa.house import Array
from casa.monitoring.reference import Reference
from casa.monitoring.window import Counts, Window

Flags = NDArray[np.bool_]

SCORE_LIMIT = 2.0
PSI_LIMIT = 0.2
SMOOTHING = 0.5
"""Rows added to each bin, so that an empty one has a logarithm: Jeffreys' prior for shares."""


class Drift(NamedTuple):
    """One figure a column (columns,); NaN where no row can tell."""

    score: Array
    """Distance of the means, in the reference's standard deviations."""
    psi: Array
    ks: Array
    missing: Array
    """Share of rows without a value."""
    out_of_range: Array
    """Share of rows with a value outside the training data."""

    @property
    def effects(self) -> Flags:
        """Where the distance is one that matters (columns,)."""
        return (self.score > SCORE_LIMIT) | (self.psi >= PSI_LIMIT)


def measure(reference: Reference, window: Window) -> Drift:
    """The drift of each column; a window of stacked arrays (..., columns, bins) is measured at once."""
    rows, missing = window.counts.sum(axis=-1), window.counts[..., -1]
    return Drift(
        np.abs(_divide(window.sums, rows - missing) - reference.mean) / reference.std,
        psi(reference.counts, window.counts),
        ks(reference.counts, window.counts),
        _divide(missing, rows),
        _divide(window.outside, rows),
    )


def psi(expected: Counts, actual: Counts) -> Array:
    """The population stability index of counts (..., bins), less what it is by chance alone, at least 0.

    By chance it is (1/n + 1/m) times a chi-square with one degree of freedom fewer than bins (Yurdakul and
    Naranjo, "Statistical properties of the population stability index", 2020): 0.07 of ten bins, 200 rows and
    a reference of 410. Bins that are empty on both sides count for nothing.
    """
    occupied = (expected > 0) | (actual > 0)
    was, now = _shares(expected, occupied), _shares(actual, occupied)
    ratio = np.divide(now, was, out=np.ones_like(now), where=occupied)
    plain = ((now - was) * np.log(ratio)).sum(axis=-1)
    rows = actual.sum(axis=-1)
    chance = (occupied.sum(axis=-1) - 1) * (_divide(1, rows) + 1 / expected.sum(axis=-1))
    return np.asarray(np.maximum(plain - chance, 0))


def ks(expected: Counts, actual: Counts) -> Array:
    """The largest distance of two distributions of the known values, seen at the bins' edges: counts (..., bins)."""
    was, now = (np.cumsum(counts[..., :-1], axis=-1) for counts in (expected, actual))
    return np.asarray(np.abs(_divide(was, was[..., -1:]) - _divide(now, now[..., -1:])).max(axis=-1))


def estimate_rmse(reference: Reference, window: Window) -> float | None:
    """The RMSE that the intervals' widths promise, in thousands of dollars, without any price a house was sold for.

    None for no rows and for a bundle that does not say. It knows nothing of houses unlike any of the training data.
    """
    if not window.rows or reference.rmse_per_width is None:
        return None
    return float(reference.rmse_per_width * np.sqrt(window.squared_widths / window.rows))


def _shares(counts: Counts, occupied: Flags) -> Array:
    smoothed = counts + SMOOTHING * occupied
    return np.asarray(smoothed / smoothed.sum(axis=-1, keepdims=True))


def _divide(amount: Array | Counts | int, rows: Counts) -> Array:
    """The amount by rows; NaN for none."""
    return np.asarray(amount / np.where(rows, rows, np.nan))
