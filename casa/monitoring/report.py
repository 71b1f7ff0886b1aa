"""What a caller is told about drift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from casa.monitoring.alarm import MIN_ROWS, Alarm
from casa.monitoring.drift import measure
from casa.monitoring.reference import Reference
from casa.monitoring.window import Counts, Window


def report(reference: Reference, window: Window, alarm: Alarm) -> dict[str, Any]:
    """The answer of `GET /drift` as plain JSON values: the figures are the window's, the alerts the alarm's.

    `reference` and `now` are shares of rows for each bin, the last for missing values: two more than `edges`.
    A figure that no row can tell is null; with `enough` false, no figure is to be trusted.
    """
    columns = _columns(reference, window, alarm)
    prices = columns.pop(reference.names[-1])
    return {
        "rows": window.rows,
        "enough": window.rows >= MIN_ROWS,
        "drifted": bool(alarm.alerts.any()),
        "since": alarm.since and alarm.since.isoformat(),
        "features": columns,
        "prices": prices,
    }


def _columns(reference: Reference, window: Window, alarm: Alarm) -> dict[str, dict[str, Any]]:
    drift = measure(reference, window)
    columns: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(reference.names):
        edges = reference.edges[place][np.isfinite(reference.edges[place])].tolist()
        columns[name] = {
            **{figure: _plain(values[place]) for figure, values in drift._asdict().items()},
            "alert": bool(alarm.alerts[place]),
            "edges": edges,
            "reference": _shares(reference.counts[place], bins=len(edges) + 1),
            "now": _shares(window.counts[place], bins=len(edges) + 1),
        }
    return columns


def _shares(counts: Counts, *, bins: int) -> list[float]:
    """Shares of the bins in use and of the missing values; zeros for no rows."""
    used = np.append(counts[:bins], counts[-1])
    return [float(share) for share in used / max(used.sum(), 1)]


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
