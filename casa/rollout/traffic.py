"""What the new pods of a rollout have answered since they started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Counts = Mapping[tuple[str, str], float]
"""Finished calls of one pod since its start, by route and status."""

PROBES = frozenset({"/health", "/livez", "/readyz", "/metrics"})
FAULTS = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED"})
"""gRPC's codes for what HTTP calls 5xx."""
MOST_FAULTS = 0.01
"""The largest share of calls that may fail with 5xx."""


class Traffic:
    """Adds up calls and faults over pods that come and go. A new pod has only ever served the new model.

    What a caller did wrong counts for nothing: a flood of calls without a key would hide all faults.
    """

    def __init__(self, *, least: int) -> None:
        self.least = least
        """How many calls are enough to judge by."""
        self._pods: dict[str, Counts] = {}

    def see(self, pod: str, counts: Counts) -> None:
        """Take note of a pod's counters."""
        self._pods[pod] = counts

    @property
    def calls(self) -> int:
        """Calls that were answered or failed, probes aside."""
        return round(sum(count for _, count in self._each()))

    @property
    def faults(self) -> int:
        """Those of them that failed with 5xx."""
        return round(sum(count for status, count in self._each() if is_fault(status)))

    @property
    def enough(self) -> bool:
        """Are there calls enough to judge by?"""
        return self.calls >= self.least

    @property
    def spoilt(self) -> bool:
        """Have more failed than may, of the calls so far or of the least that will be looked at?"""
        return self.faults > MOST_FAULTS * max(self.calls, self.least)

    def __str__(self) -> str:
        return f"{self.faults} of {self.calls} calls failed with 5xx"

    def _each(self) -> Iterator[tuple[str, float]]:
        for counts in self._pods.values():
            yield from (
                (status, count)
                for (route, status), count in counts.items()
                if route not in PROBES and (is_fault(status) or status.startswith("2") or status == "OK")
            )


def is_fault(status: str) -> bool:
    """Does this status say that the service failed, not the caller?"""
    return status.startswith("5") or status in FAULTS
