"""The drift reference of a bundle, as arrays that rows are counted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from casa.house import HOUSE, Array, Declaration
from casa.model.ensemble import Prices
from casa.monitoring.window import Counts, Window


@dataclass(frozen=True)
class Reference:
    """How each feature, and the price as the last column, was distributed in the training data."""

    names: tuple[str, ...]
    mean: Array
    std: Array
    low: Array
    high: Array
    edges: Array
    """Inner edges (columns, bins - 1): each column's own, then infinity, at least once."""
    counts: Counts
    """Training rows (columns, bins): each column's own bins, then zeros, then the missing values."""
    rmse_per_width: float | None
    """RMSE for each unit of the intervals' root mean square half width; None in a bundle of before it was kept."""

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], *, declaration: Declaration = HOUSE) -> Self:
        """The reference from a bundle's `reference.json`."""
        columns = [*(saved["features"][name] for name in declaration.names), saved["prices"]]
        most = max(len(column["edges"]) for column in columns)
        return cls(
            names=declaration.columns,
            mean=_gather(columns, "mean"),
            # A constant column has no std: as a scaler would, measure its shift in its own unit.
            std=np.array([column["std"] or 1.0 for column in columns]),
            low=_gather(columns, "low"),
            high=_gather(columns, "high"),
            edges=np.array([_pad(column["edges"], np.inf, length=most + 1) for column in columns]),
            counts=np.array([[*_pad(c["counts"][:-1], 0, length=most + 1), c["counts"][-1]] for c in columns]),
            rmse_per_width=saved.get("rmse_per_width"),
        )

    @property
    def nothing(self) -> Window:
        """The window of no rows, to add to."""
        columns = len(self.names)
        return Window(np.zeros_like(self.counts), np.zeros(columns), np.zeros(columns, dtype=np.int64), 0.0)

    def count(self, houses: Array, prices: Prices) -> Window:
        """The window of houses (n, features), NaN where a value was left out, and the prices they were told."""
        columns = np.array([*houses.T, prices.price])
        outside = (columns < self.low[:, None]) | (columns > self.high[:, None])
        return Window(
            self._count_bins(columns),
            np.nansum(columns, axis=1),
            np.count_nonzero(outside, axis=1),
            float(((prices.high - prices.price) ** 2).sum()),  # not from the low end: it is cut at zero
        )

    def _count_bins(self, columns: Array) -> Counts:
        # A comparison with each of the few edges takes half as long as a search among them.
        places = np.zeros(columns.shape, dtype=np.uint16)
        for edges in self.edges.T[:, :, None]:
            places += columns >= edges
        places[np.isnan(columns)] = self.edges.shape[1]
        columns_bins = self.counts.shape
        flat = places + np.arange(columns_bins[0])[:, None] * columns_bins[1]
        return np.bincount(flat.ravel(), minlength=self.counts.size).reshape(columns_bins)


def _gather(columns: Sequence[Mapping[str, Any]], name: str) -> Array:
    return np.array([column[name] for column in columns], dtype=np.float64)


def _pad(values: Sequence[float], filler: float, *, length: int) -> list[float]:
    return [*values, *[filler] * (length - len(values))]
