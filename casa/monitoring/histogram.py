"""A Prometheus histogram that takes its values by the hundred: one by one, each would cost a call 1.5 µs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from casa.house import Array


class Histogram(Collector):
    """Counts of values in buckets, apart for each value of a label, if it has one."""

    def __init__(
        self, name: str, words: str, *, buckets: Sequence[float], label: str = "", values: Sequence[str] = ("",)
    ) -> None:
        self._name, self._words = name, words
        self._labels = [label] if label else []
        self._buckets = np.asarray(buckets, dtype=np.float64)
        self._counts = {value: np.zeros(len(buckets) + 1, dtype=np.int64) for value in values}
        self._sums = dict.fromkeys(values, 0.0)

    def add(self, columns: Mapping[str, Array]) -> None:
        """Count values (n,) of each label."""
        for label, values in columns.items():
            places = np.searchsorted(self._buckets, values, side="left")  # a bucket holds its upper edge
            self._counts[label] += np.bincount(places, minlength=len(self._buckets) + 1)
            self._sums[label] += float(values.sum())

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What Prometheus reads."""
        edges = [*(f"{edge:g}" for edge in self._buckets), "+Inf"]
        family = HistogramMetricFamily(self._name, self._words, labels=self._labels)
        for label, counts in self._counts.items():
            totals = np.cumsum(counts).tolist()
            family.add_metric([label] if label else [], list(zip(edges, totals, strict=True)), self._sums[label])
        return [family]
