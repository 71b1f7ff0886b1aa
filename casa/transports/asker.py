"""Whoever asks for prices: one call, whatever it came in by, and what is noted of it for those who watch."""

from __future__ import annotations

import time

from casa.errors import CasaError
from casa.monitoring.answers import UNKNOWN, Answered
from casa.monitoring.priced import NOTHING, Priced


class Asker:
    """One call, from its head to its answer."""

    client = ""
    """Empty until its key was seen."""
    priced: Priced = NOTHING
    error: CasaError | None = None
    """Why it fails, where BentoML answers and would only tell that."""
    row = 0
    parent = ""
    """The caller's `traceparent`, where traces are wanted."""
    _stages = UNKNOWN

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self._start = time.perf_counter()

    def took(self, *, parse: float, access: float, model: float) -> None:
        """So many seconds were spent in each stage."""
        self._stages = parse, access, model

    def answered(self, route: str, status: str) -> Answered:
        """The record of this call, which ends now."""
        seconds = time.perf_counter() - self._start
        who = self.request_id, self.client
        return Answered(time.time(), route, status, seconds, self._stages, *who, self.row, self.priced, self.parent)

    def next_row(self) -> None:
        """Another house of the same call is asked for."""
        self.row += 1
        self.priced = NOTHING
        self._start = time.perf_counter()
