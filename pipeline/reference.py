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
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return {
        "mean": float(known.mean()),
        "std": float(known.std()),
        "low": float(known.min()),
        "high": float(known.max()),
        "edges": edges.tolist(),
        "counts": [*counts.tolist(), int(np.isnan(values).sum())],
    }
