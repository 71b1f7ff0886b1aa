"""The drift reference: how each feature and the prices were distributed in the training data."""

from __future__ import annotations

from typing import Any

import numpy as np

from casa.house import HOUSE, Array, Declaration


def reference(houses: Array, prices: Array, *, bins: int, declaration: Declaration = HOUSE) -> dict[str, Any]:
    """Per feature, and for the prices: mean, std, least and greatest value, and counts of quantile bins.

    `edges` are the inner edges of the bins: a value below the first is in the first bin. The last count
    is of missing values.
    """
    columns = zip(declaration.names, houses.T, strict=True)
    features = {name: describe(values, bins=bins) for name, values in columns}
    return {"rows": len(houses), "features": features, "prices": describe(prices, bins=bins)}


def describe(values: Array, *, bins: int) -> dict[str, Any]:
    """One column's entry in the reference."""
    known = values[~np.isnan(values)]
    edges = cut(known, bins=bins)
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return {
        "mean": float(known.mean()),
        "std": float(known.std()),
        "low": float(known.min()),
        "high": float(known.max()),
        "edges": edges.tolist(),
        "counts": [*counts.tolist(), int(np.isnan(values).sum())],
    }


def cut(known: Array, *, bins: int) -> Array:
    """The inner edges, at most `bins` - 1: halfway between two neighbouring values, as near the quantiles as can be.

    A quantile itself may be a value that most houses share, with nothing below it: CHAS would be one bin.
    """
    values, counts = np.unique(known, return_counts=True)
    if len(values) == 1:
        return np.empty(0)
    below = np.cumsum(counts)[:-1] / len(known)
    wanted = np.linspace(0, 1, bins + 1)[1:-1, None]
    places = np.unique(np.abs(below - wanted).argmin(axis=1))
    return np.asarray((values[places] + values[places + 1]) / 2)
