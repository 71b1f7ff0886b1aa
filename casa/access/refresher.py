"""Keeps the key store as its source is, from a thread of its own: no call ever waits for a disk or a database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Protocol

import structlog

from casa.access.keys import KeyStore
from casa.access.record import Record, read_keys
from casa.errors import CasaError
from casa.monitoring.metrics import Metrics

SECONDS = 2.5
"""Between two looks. A change is promised to be in force within 5 s; each look takes the processor from the calls."""
STOP_SECONDS = 2.0


class Source(Protocol):
    """Where keys are kept: a table or a file. A CasaError says what is wrong with it."""

    place: str

    def mark(self) -> object:
        """A value that differs once the keys may have changed."""

    def read(self) -> Sequence[Record]:
        """All keys."""

    def close(self) -> None:
        """Let go of what is held open."""


class Refresher:
    """Looks at the source now and then. A source that breaks changes nothing but a metric and one line of the log."""

    def __init__(
        self,
        source: Source,
        store: KeyStore,
        *,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
    ) -> None:
        self._source = source
        self._store = store
        self._metrics = metrics
        self._now = now
        self._seconds = seconds
        self._log = structlog.get_logger()
        self._mark: object = None
        self._broken = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="casa-keys", daemon=True)

    def load(self) -> None:
        """Take the source's keys if they changed or one expired; if it broke, a CasaError, and the old ones stay."""
        mark, now = self._source.mark(), self._now()  # before reading: what changes meanwhile is seen the next time
        if mark != self._mark or now >= self._store.until:
            self._store.replace(read_keys(self._source.read(), place=self._source.place), now=now)
            self._mark = mark

    def look(self) -> None:
        """As `load`, for a service that is running: a broken source is said, not raised."""
        try:
            self.load()
        except Exception as error:  # noqa: BLE001 - a thread that died of it would keep revoked keys open
            self._say_broken(error)
        else:
            self._say_whole()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the looking; a look that hangs is left behind."""
        self._stop.set()
        if self._thread.ident is None:
            self._source.close()
        else:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.look()
        self._source.close()  # here, since a driver's connection is not for two threads at once

    def _say_broken(self, error: Exception) -> None:
        self._metrics.keys_source_broken.set(1)
        if not self._broken:
            unexpected = not isinstance(error, CasaError)
            self._log.error("keys source broken, the old keys stay", reason=str(error), exc_info=unexpected)
        self._broken = True

    def _say_whole(self) -> None:
        self._metrics.keys_source_broken.set(0)
        if self._broken:
            self._log.info("keys source whole again", place=self._source.place)
        self._broken = False
