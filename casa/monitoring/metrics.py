"""Casa's own metrics, in a registry of their own: what a library counts in the global one is not ours to promise."""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

from casa.monitoring.answers import Answered
from casa.monitoring.histogram import Histogram

Refusal = Literal["missing", "invalid", "contradictory", "scope"]
"""Why a key was refused. `invalid` is unknown, wrong, expired and revoked in one: /metrics must not tell them apart."""

MOST_PAIRS = 220
"""Routes and statuses are few; should one of them ever be a caller's word, there will still be no more than these
pairs of them, so that Prometheus never reads more than 400 series."""
REST = ("other", "other")

Outcome = Literal["written", "left out", "lost"]
"""What became of a row. `left out`: there were too many, and one call of ten stood for the others."""

STAGES = ("parse", "access", "model", "rest")
SECONDS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 1e-1, 1.0)
ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Every metric of one service. Made once, and passed down."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # every counter would be two series
        self.registry = CollectorRegistry()
        self._guard()
        self._keep()
        self._measure()

    def _guard(self) -> None:
        """What the guards count."""
        count, gauge = self._counter, self._gauge
        refusals = count("casa_key_refusals", "Calls refused for their key, by reason.", "reason")
        self.key_refusals: dict[Refusal, Counter] = {name: refusals.labels(name) for name in get_args(Refusal)}
        self.quota_refusals = count("casa_quota_refusals", "Calls refused because a client's quota was used up.")
        self.connections = gauge("casa_connections", "Connections over HTTP that are open.")
        self.connections_refused = count(
            "casa_connections_refused", "Connections ended for what they did, by status.", "status"
        )
        self.long_calls = gauge("casa_long_calls", "Batches and explanations that wait for their turn or have it.")
        self.keys_source_broken = gauge("casa_keys_source_broken", "1 while keys cannot be read and the old ones stay.")
        self.shared_quota_available = gauge(
            "casa_shared_quota_available",
            "1 while replicas share quotas through Redis, 0 while it is away, NaN where none is configured.",
        )
        self.shared_quota_available.set(math.nan)

    def _keep(self) -> None:
        """What the journal says of itself."""
        rows = self._counter("casa_journal_rows", "Priced houses, by what the journal did with them.", "outcome")
        self.journal_rows: dict[Outcome, Counter] = {name: rows.labels(name) for name in get_args(Outcome)}
        self.journal_backlog = self._gauge("casa_journal_backlog", "Priced houses that wait for the journal.")
        self.journal_broken = self._gauge("casa_journal_broken", "1 while the journal cannot be written.")

    def _measure(self) -> None:
        """What finished calls add up to."""
        count = self._counter
        self._requests = count("casa_requests", "Finished calls, by route and status.", "route", "status")
        self._pairs: set[tuple[str, str]] = set()
        self._rows = count("casa_rows", "Houses that were priced.")
        self._lost = count("casa_answers_lost", "Finished calls that found no room in the queue.")
        self._latency = Histogram(
            "casa_latency_seconds", "Seconds a call took, by stage.", label="stage", values=STAGES, buckets=SECONDS
        )
        self._calls = Histogram("casa_call_seconds", "Seconds a call took that priced houses.", buckets=SECONDS)
        self._batches = Histogram("casa_batch_rows", "Houses of one call.", buckets=ROWS)
        for histogram in (self._latency, self._calls, self._batches):
            self.registry.register(histogram)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str) -> Gauge:
        return Gauge(name, words, registry=self.registry)

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:
        """Count finished calls."""
        self._lost.inc(lost)
        for pair, count in Tally((one.route, one.status) for one in answered).items():
            self._requests.labels(*self._bound(pair)).inc(count)
        if answered:
            self._add(answered)

    def _add(self, answered: Sequence[Answered]) -> None:
        rows = np.array([one.priced.rows for one in answered])
        seconds = np.array([one.seconds for one in answered])
        stages = np.array([one.stages for one in answered]).T
        priced = rows > 0
        self._rows.inc(int(rows.sum()))
        self._batches.add({"": rows[priced]})
        self._calls.add({"": seconds[priced]})
        self._latency.add(dict(zip(STAGES, (*stages, seconds - stages.sum(axis=0)), strict=True)))

    def _bound(self, pair: tuple[str, str]) -> tuple[str, str]:
        if len(self._pairs) < MOST_PAIRS:
            self._pairs.add(pair)
        return pair if pair in self._pairs else REST
