"""The pictures of a model: each function gives one PNG."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from casa.house import HOUSE, Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f5f8b"


def predicted_against_actual(prices: Array, predicted: Array) -> bytes:
    """Test rows: what was predicted against what was paid, in thousands of dollars."""
    figure, axes = _axes()
    axes.scatter(prices, predicted, s=14, color=INK, alpha=0.7)
    ends = [float(min(prices.min(), predicted.min())), float(max(prices.max(), predicted.max()))]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set(xlabel="actual price, $1000", ylabel="predicted price, $1000", title="Predicted against actual")
    return _png(figure)


def residuals(prices: Array, predicted: Array) -> bytes:
    """Test rows: the error over the prediction."""
    figure, axes = _axes()
    axes.scatter(predicted, predicted - prices, s=14, color=INK, alpha=0.7)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(xlabel="predicted price, $1000", ylabel="predicted - actual, $1000", title="Residuals")
    return _png(figure)


def importance(shares: Array) -> bytes:
    """Mean absolute SHAP value of each feature, from shares (n, features)."""
    sizes = np.abs(shares).mean(axis=0)
    order = np.argsort(sizes)
    figure, axes = _axes()
    axes.barh([HOUSE.names[place] for place in order], sizes[order], color=INK)
    axes.set(xlabel="mean absolute share of the price, $1000", title="Feature importance (SHAP)")
    return _png(figure)


def beeswarm(shares: Array, houses: Array) -> bytes:
    """Every house's shares by feature, coloured by the feature's value: shap's beeswarm."""
    mpl.use("Agg")
    with warnings.catch_warnings():
        # shap 0.51 still calls NumPy and matplotlib in ways they are about to drop.
        warnings.simplefilter("ignore")
        import matplotlib.pyplot as plt
        import shap

        np.random.seed(0)
        explanation = shap.Explanation(values=shares, data=houses, feature_names=list(HOUSE.names))
        shap.plots.beeswarm(explanation, max_display=len(HOUSE.names), show=False)
        figure = plt.gcf()
        drawn = _png(figure)
        plt.close(figure)
    return drawn


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Figure) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=120, metadata={"Software": None}, bbox_inches="tight")
    return drawn.getvalue()
