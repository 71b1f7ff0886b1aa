"""How many calls of one kind may run at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from casa.errors import Unavailable

Task = asyncio.Task[Any]

PATIENCE = timedelta(seconds=1)
"""How long a message may be on its way. Of a good caller it comes with its call, however busy this process is."""


class Room:
    """Places for calls. Each kind of call has its own, so that none keeps the others out.

    A call whose message does not come may be silent for good: where all places are taken, it makes room for a new one.
    """

    def __init__(self, places: int, *, clock: Callable[[], datetime], each: int | None = None) -> None:
        """`each`: how many places one client may have, if not all."""
        self._places = places
        self._clock = clock
        self._each = each or places
        self._inside: dict[Task, str] = {}
        self._clients: Counter[str] = Counter()
        self._silent: dict[Task, datetime] = {}  # since when; who came first is first

    @property
    def taken(self) -> int:
        """How many calls are in it."""
        return len(self._inside)

    def enter(self, client: str = "", *, heard: bool = True) -> None:
        """Take a place until the running task ends; Unavailable if there is none left for this client.

        If its message has not been `heard` yet, say so by `hear` when it comes.
        """
        if self.taken >= self._places:
            self._make_room()
        if self.taken >= self._places or self._clients[client] >= self._each:
            raise Unavailable("all of this instance is busy")
        task = _running()
        self._inside[task] = client
        self._clients[client] += 1
        if not heard:
            self._silent[task] = self._clock()
        task.add_done_callback(self._leave)

    def hear(self) -> None:
        """The running task's message has come."""
        self._silent.pop(_running(), None)

    def _make_room(self) -> None:
        task = next(iter(self._silent), None)
        if task is not None and self._clock() - self._silent[task] >= PATIENCE:
            self._leave(task)
            task.cancel()

    def _leave(self, task: Task) -> None:
        if (client := self._inside.pop(task, None)) is None:
            return  # it was turned out
        self._silent.pop(task, None)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


def _running() -> Task:
    task = asyncio.current_task()
    assert task is not None, "a call runs in a task of its own"
    return task
