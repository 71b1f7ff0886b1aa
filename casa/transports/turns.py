"""Long calls take turns, and are refused when too many wait.

A batch of a thousand houses keeps the event loop for some milliseconds. Without turns, the loop would answer all that
it has read before it looks at its sockets again: a hundred batches would keep single prices and probes waiting for a
second. With turns, it looks after each, and a single price waits for one batch at most.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from casa.errors import Unavailable

FIRST_SECONDS = 0.01
"""What a turn is taken to last until some have ended."""
WEIGHT = 0.1
"""How much the last turn counts in the mean."""


class Backlog:
    """The calls that wait, and how long one more would have to."""

    def __init__(self, *, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._mean_seconds = FIRST_SECONDS
        self.calls = 0
        """How many wait or are answered."""

    def check(self) -> None:
        """Unavailable if one more would have to wait for too long."""
        seconds = self.calls * self._mean_seconds
        if seconds > self._most_seconds:
            raise Unavailable("too many long calls are waiting; try again soon", retry_after=math.ceil(seconds))

    def enter(self) -> None:
        """One more waits; Unavailable as `check` says."""
        self.check()
        self.calls += 1

    def learn(self, seconds: float) -> None:
        """A turn took so long."""
        self._mean_seconds += WEIGHT * (seconds - self._mean_seconds)

    def leave(self) -> None:
        """One has been answered, or waits no more."""
        self.calls -= 1


class Turns:
    """One long call at a time, in the order in which they came."""

    def __init__(self, *, most_seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.backlog = Backlog(most_seconds=most_seconds)
        self._clock = clock
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """A turn, after those who came before; Unavailable if that would take too long."""
        self.backlog.enter()
        try:
            async with self._lock:
                await asyncio.sleep(0)  # the loop looks at its sockets, and others see that the turn is taken
                began = self._clock()
                yield
                self.backlog.learn(self._clock() - began)
        finally:
            self.backlog.leave()
