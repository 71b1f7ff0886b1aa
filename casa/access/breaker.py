"""Remembers that a dependency failed, so that no further call waits to learn it again."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """Open while the dependency is not to be asked. `clock` counts seconds, from any beginning, never backwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opened: float | None = None

    @property
    def is_open(self) -> bool:
        """Is the dependency to be left alone?"""
        return self._opened is not None

    def open(self) -> bool:
        """Leave the dependency alone from now on. True for the first of several that say so."""
        if self._opened is not None:
            return False
        self._opened = self._clock()
        return True

    def close(self) -> float:
        """Ask the dependency again; returns for how many seconds it was left alone."""
        seconds = 0.0 if self._opened is None else self._clock() - self._opened
        self._opened = None
        return seconds
