"""Who may hold a connection over HTTP, and for how long without a word."""

from __future__ import annotations

import asyncio
import resource
from typing import Protocol

from casa.errors import CasaError, Unavailable
from casa.monitoring.metrics import Metrics
from casa.settings import Settings

LOOKS = 10
"""How often connections are looked at within their time. One timer looks at all of them, so no call pays for one."""
OWN_FILES = 128
"""Open files that are no connections: the model's, the database's, gRPC's."""


class Watched(Protocol):
    """What a porter must know of a connection."""

    def look(self, now: float) -> None:
        """End it if its caller keeps us waiting."""
        ...


class Stillness:
    """How long something has stayed as it is, as seen by repeated looks."""

    def __init__(self, now: float) -> None:
        self._state: object = None
        self._since = self._looked = now

    def seconds(self, state: object, now: float) -> float:
        """How long this state may have lasted at most: a new one may have begun right after the last look."""
        if state != self._state:
            self._state, self._since = state, self._looked
        self._looked = now
        return now - self._since


class Porter:
    """Counts connections, looks after them, and turns away what there is no room for."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.head_seconds = settings.head_seconds
        self._most = most_connections(settings.max_connections, open_files(2 * settings.max_connections + OWN_FILES))
        self._inside: set[Watched] = set()
        self._round: asyncio.TimerHandle | None = None
        self._refused = metrics.connections_refused
        metrics.connections.set_function(self._inside.__len__)

    @property
    def overrun(self) -> bool:
        """Are there so many that there is no room even for telling them so?"""
        return len(self._inside) > 2 * self._most

    def enter(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Look after this connection until it leaves; Unavailable if it is one too many."""
        self._inside.add(connection)
        if self._round is None:
            self._wait(loop)
        if len(self._inside) > self._most:
            raise Unavailable("this instance has as many connections as it can hold")

    def leave(self, connection: Watched) -> None:
        """It is closed."""
        self._inside.discard(connection)

    def count(self, error: CasaError) -> None:
        """A connection is ended for this reason."""
        self._refused.labels(error.status).inc()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._round = loop.call_later(self.head_seconds / LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._round = None
        if self._inside:
            self._wait(loop)
        now = loop.time()
        for connection in tuple(self._inside):
            connection.look(now)


def most_connections(wanted: int, files: int) -> int:
    """How many connections so many open files allow: each may need two, its own and that of one turned away."""
    return max(1, min(wanted, (files - OWN_FILES) // 2))


def open_files(wanted: int) -> int:
    """How many files this process may open from now on: as many as are wanted if the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
