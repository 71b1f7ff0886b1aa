"""Calls counted by the hour, so that what is told of them needs no look at the calls themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from threading import Lock

import numpy as np

from casa.monitoring.answers import Answered
from casa.monitoring.window import Counts

SECONDS = 3600
EDGES = np.geomspace(1e-5, 10, 61)
"""Of the latency's buckets, in seconds: each a quarter wider than the one before. One more is for what is slower."""
FINE = frozenset({"200", "OK"})
KEPT = 2
"""Hours that calls may still be added to: those that end one may be told of in the next."""


@dataclass
class Hour:
    """The calls of an hour: those with a key, and those that failed. Probes and pages are none of them."""

    predictions: int = 0
    requests: int = 0
    seconds: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    latency: Counts = field(default_factory=lambda: np.zeros(len(EDGES) + 1, dtype=np.int64))

    def add(self, answered: Sequence[Answered]) -> None:
        """Count these calls."""
        seconds = np.array([one.seconds for one in answered])
        self.predictions += sum(one.priced.rows for one in answered)
        self.requests += len(answered)
        self.seconds += float(seconds.sum())
        self.errors.update(one.status for one in answered if one.status not in FINE)
        self.latency += np.bincount(np.searchsorted(EDGES, seconds), minlength=len(self.latency))

    def to_dict(self) -> dict[str, object]:
        """As the table `hours` has it."""
        return {
            "predictions": self.predictions,
            "requests": self.requests,
            "seconds": self.seconds,
            "errors": dict(self.errors),
            "latency": self.latency.tolist(),
        }


class Hours:
    """The newest hours of this process, and its totals. One thread adds, another takes down."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hours: dict[int, Hour] = {}
        self._changed = False
        self.predictions = 0
        self.requests = 0

    def add(self, answered: Sequence[Answered]) -> None:
        """Count finished calls."""
        counted = [one for one in answered if one.client or one.status not in FINE]
        with self._lock:
            for hour, calls in groupby(counted, key=lambda one: int(one.at // SECONDS)):
                self._add(hour, list(calls))

    def take_down(self) -> Mapping[datetime, dict[str, object]]:
        """The hours' rows with all that was counted in them so far; none if nothing has changed since."""
        with self._lock:
            changed, self._changed = self._changed, False
            return {_begin(hour): counts.to_dict() for hour, counts in self._hours.items() if changed}

    def settle(self, *, written: bool) -> None:
        """What was taken down is in the database, or must be taken down again."""
        with self._lock:
            self._changed |= not written
            for hour in sorted(self._hours)[:-KEPT] if written else ():
                del self._hours[hour]

    def _add(self, hour: int, calls: list[Answered]) -> None:
        here = self._hours.setdefault(hour, Hour())
        before = here.predictions
        here.add(calls)
        self.predictions += here.predictions - before
        self.requests += len(calls)
        self._changed = True


def _begin(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * SECONDS, UTC)
