"""Exchanges what is known with other replicas through the database, from a thread of its own: no call waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from threading import Event, Thread
from typing import Protocol

import structlog
from sqlalchemy import Engine

from casa.errors import CasaError
from casa.model.bundle import REFERENCE, Bundle
from casa.monitoring.alarm import SPAN
from casa.monitoring.live import LiveError
from casa.monitoring.metrics import Metrics
from casa.monitoring.milestones import Milestones
from casa.monitoring.outlook import KEPT, SETTLING, Outlook, Windows, hour_of
from casa.monitoring.window_table import WindowTable

SECONDS = 5.0
"""Between two looks: what a killed process has counted since the last one is lost."""
STOP_SECONDS = 2.0


class Learner(Protocol):
    """What knows something that is in the database."""

    def look(self) -> None:
        """Learn it anew."""


class Exchange:
    """Writes this process's hours as they grow, reads the others', and lets learners read what any process wrote.

    While the database is away the outlook goes on with what it knows; nothing is lost, but written later.
    """

    def __init__(
        self,
        outlook: Outlook,
        table: WindowTable,
        learners: Sequence[Learner],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
    ) -> None:
        self._outlook = outlook
        self._table = table
        self._learners = learners
        self._now = now
        self._seconds = seconds
        self._written: Windows = {}
        self._others: Windows = {}
        self._settled: datetime | None = None  # the hour that began when all hours were last read
        self._log = structlog.get_logger()
        self._broken = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="casa-windows", daemon=True)

    def start(self) -> None:
        """Begin to look, at once and every few seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end; a look that hangs is left behind."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def look(self) -> None:
        """Write what is new here, and let the outlook learn what is new elsewhere."""
        try:
            self._write()
            self._read()
            for learner in self._learners:
                learner.look()
        except Exception as error:  # noqa: BLE001 - a thread that died of it would leave drift unseen
            self._say_broken(error)
        else:
            self._broken = False
        self._outlook.learn(self._others)

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(self._seconds):
            self.look()
        self.look()

    def _write(self) -> None:
        own = self._outlook.own
        if new := {hour: window for hour, window in own.items() if window is not self._written.get(hour)}:
            self._table.write(new)
            self._written = own

    def _read(self) -> None:
        now = self._now()
        settled = hour_of(now - SETTLING)
        if settled == self._settled:
            self._others = {**self._others, **self._table.read(since=hour_of(now) - SPAN)}
            return
        # An hour may have been stored late: when one has settled, all are read again.
        self._others = self._table.read(since=now - KEPT)
        self._table.forget(before=now - KEPT)
        self._settled = settled

    def _say_broken(self, error: Exception) -> None:
        if not self._broken:
            unexpected = not isinstance(error, CasaError)
            self._log.error("drift goes on by this process alone", reason=str(error), exc_info=unexpected)
        self._broken = True


def open_exchange(outlook: Outlook, saved: Bundle, engine: Engine, *, replica: str, metrics: Metrics) -> Exchange:
    """The exchange of a process that serves this model. The database must be migrated."""
    digest = sha256(saved.files[REFERENCE]).hexdigest()
    table = WindowTable(engine, version=saved.version, reference=digest, replica=replica)
    learners = LiveError(engine, version=saved.version), Milestones(engine)
    for learner in learners:
        metrics.registry.register(learner)
    return Exchange(outlook, table, learners)
