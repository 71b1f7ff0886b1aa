"""What Prometheus reads about the model and its drift, made when it asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from casa.house import Array
from casa.monitoring.alarm import MIN_ROWS
from casa.monitoring.drift import Flags, estimate_rmse, measure
from casa.monitoring.outlook import Outlook


class Gauges(Collector):
    """Gauges of one model version. A figure of too few rows is left out."""

    def __init__(self, outlook: Outlook, *, version: str, report: Mapping[str, Any]) -> None:
        self._outlook = outlook
        self._version = version
        self._rmse: float | None = report.get("test", {}).get("rmse", {}).get("value")

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What Prometheus reads."""
        reference, window = self._outlook.reference, self._outlook.window
        drift, estimate, enough = measure(reference, window), estimate_rmse(reference, window), window.rows >= MIN_ROWS
        yield gauge("casa_model_info", "1 for the version that is served.", 1, version=self._version)
        yield gauge("casa_model_rmse", "RMSE of the model's test, in thousands of dollars.", self._rmse)
        yield gauge("casa_drift_rows", "Houses that the drift figures are of.", window.rows)
        yield self._each("casa_drift_alert", "1 while a column has drifted.", self._outlook.alarm.alerts)
        yield self._each("casa_drift_score", "Distance of the means, in standard deviations.", drift.score, told=enough)
        yield self._each("casa_drift_psi", "Population stability index.", drift.psi, told=enough)
        yield gauge("casa_estimated_rmse", "RMSE that the intervals promise.", estimate if enough else None)

    def _each(self, name: str, words: str, values: Array | Flags, *, told: bool = True) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, words, labels=["feature"])
        for feature, value in zip(self._outlook.reference.names, values.tolist(), strict=True) if told else ():
            family.add_metric([feature], value)
        return family


def gauge(name: str, words: str, value: float | None, **labels: str) -> GaugeMetricFamily:
    """A gauge of one value; none for None."""
    family = GaugeMetricFamily(name, words, labels=list(labels))
    if value is not None:
        family.add_metric(list(labels.values()), value)
    return family
