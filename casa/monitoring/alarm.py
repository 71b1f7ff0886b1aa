"""When drift is worth a person's time: an effect, in enough rows, that lasts."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from casa.monitoring.drift import Flags, measure
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window

MIN_ROWS = 200
SPAN = timedelta(hours=1)
"""A window is closed once it holds `MIN_ROWS` rows and has lasted this long."""
LASTING = 2
"""Windows in a row that must show an effect."""


class Alarm:
    """Which columns have drifted, by the rows of one model version from `now` on.

    It holds nothing that the same windows, added again with the same times, would not bring back.
    """

    def __init__(self, reference: Reference, *, now: datetime) -> None:
        self._reference = reference
        self._window = reference.nothing
        self._opened = now
        self._lasted = np.zeros(len(reference.names), dtype=np.int64)  # closed windows in a row with an effect
        self._begins = [now] * len(reference.names)  # where the first of them began

    def add(self, window: Window, *, now: datetime) -> None:
        """Take in rows of all replicas since the last call."""
        self._window += window
        if self._window.rows >= MIN_ROWS and now - self._opened >= SPAN:
            self._close(now)

    @property
    def alerts(self) -> Flags:
        """Which columns have drifted (columns,). Without new rows, an alert stays."""
        return self._lasted >= LASTING

    @property
    def since(self) -> datetime | None:
        """When the oldest alert's first window began; None while there is no alert."""
        return min((begin for begin, alert in zip(self._begins, self.alerts, strict=True) if alert), default=None)

    def _close(self, now: datetime) -> None:
        effects = measure(self._reference, self._window).effects
        lasted = zip(self._begins, self._lasted, strict=True)
        self._begins = [begin if windows else self._opened for begin, windows in lasted]
        self._lasted = np.where(effects, self._lasted + 1, 0)
        self._window, self._opened = self._reference.nothing, now
