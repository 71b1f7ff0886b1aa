"""Goes round those who watch, a turn for each, as long as there are finished calls that one of them has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from casa.monitoring.answers import Answers, Watcher

SECONDS = 0.004
"""Between two watchers' turns. In one go they would stop the calls of a busy service for as long as these take."""


class Rounds:
    """Gives finished calls to the watchers by an event loop's timer; while no call comes in, there is none."""

    def __init__(
        self,
        answers: Answers,
        watchers: Sequence[Watcher],
        *,
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        """`later` is a loop's `call_later`."""
        self._answers = answers
        self._watchers = watchers
        self._later = later
        self._going = False
        answers.awake = self._go

    def _go(self) -> None:
        if not self._going:
            self._going = True
            self._later(SECONDS, self._turn)

    def _turn(self) -> None:
        self._going = False
        try:
            self._answers.pass_some(self._watchers)
        finally:  # one that fails must not keep the others from what comes next
            if self._answers.waits:
                self._go()
