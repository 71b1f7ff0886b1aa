"""What was answered: one record a call, from the transports to those who watch, through one queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from casa.monitoring.priced import Priced

MOST_ROWS = 200_000
"""How many rows may wait: about 130 MB of single houses. A call that fails counts as one."""


Stages = tuple[float, float, float]
"""Seconds spent on parsing, on access and in the model."""
UNKNOWN: Stages = (0.0, 0.0, 0.0)


class Answered(NamedTuple):
    """One finished call."""

    at: float
    """When it ended, in seconds since 1970."""
    route: str
    status: str
    seconds: float
    """From its head to its answer."""
    stages: Stages
    request_id: str
    client: str
    """Empty for a caller without a key."""
    row: int
    """The number of its first house: 0 but in a stream, where each house is a record of its own."""
    priced: Priced
    parent: str = ""
    """The caller's `traceparent`, unchecked; empty for none, and while nobody wants traces."""


class Watcher(Protocol):
    """Whoever wants to know of finished calls."""

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:
        """Take note of these, and that so many more were lost."""
        ...


class Answers:
    """Finished calls until they are taken. Putting one in never waits: what finds no room is lost, and counted.

    Where nothing waits, there is room for a call of any size.
    """

    def __init__(self, *, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self.awake: Callable[[], object] = lambda: None
        """Called when something waits again: nobody has to look before."""
        self._waiting: deque[Answered] = deque()
        self._turns: deque[Callable[[], None]] = deque()  # of watchers that have not seen what was taken last
        self._rows = 0
        self._lost = 0

    def put(self, answered: Answered) -> None:
        """Leave a finished call for the watchers."""
        rows = answered.priced.rows or 1
        if self._rows and self._rows + rows > self._most_rows:
            self._lost += 1
            return
        self._rows += rows
        if not self._waiting:
            self.awake()
        self._waiting.append(answered)

    def take(self) -> tuple[list[Answered], int]:
        """All that wait, oldest first, and how many were lost since the last time."""
        taken, lost = list(self._waiting), self._lost
        self._waiting.clear()
        self._rows = self._lost = 0
        return taken, lost

    @property
    def waits(self) -> bool:
        """Is there a call that some watcher has not seen?"""
        return bool(self._turns or self._waiting)

    def pass_some(self, watchers: Sequence[Watcher]) -> None:
        """Give what waits to one watcher, the one whose turn it is: the next comes with the next call of this."""
        if not self._turns:
            taken, lost = self.take()
            self._turns.extend(partial(watcher.watch, taken, lost=lost) for watcher in watchers if taken or lost)
        if self._turns:
            self._turns.popleft()()

    def pass_on(self, watchers: Sequence[Watcher]) -> None:
        """Give all that wait to every watcher."""
        while self.waits:
            self.pass_some(watchers)
