"""How many calls of one kind may run at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from casa.errors import Unavailable

Task = asyncio.Task[Any]


class Room:
    """Places for calls. Each kind of call has its own, so that none keeps the others out.

    A call whose message has not come may be silent for good: where all places are taken, it makes room for a new one.
    """

    def __init__(self, places: int, *, each: int | None = None) -> None:
        """`each`: how many places one client may have, if not all."""
        self._places = places
        self._each = each or places
        self._inside: dict[Task, str] = {}
        self._clients: Counter[str] = Counter()
        self._silent: dict[Task, None] = {}  # who came first is first

    @property
    def taken(self) -> int:
        """How many calls are in it."""
        return len(self._inside)

    def enter(self, client: str = "", *, heard: bool = True) -> None:
        """Take a place until the running task ends; Unavailable if there is none left for this client.

        If its message has not been `heard` yet, say so by `hear` when it comes.
        """
        if self.taken >= self._places and self._silent:
            self._turn_out(next(iter(self._silent)))
        if self.taken >= self._places or self._clients[client] >= self._each:
            raise Unavailable("all of this instance is busy")
        task = _running()
        self._inside[task] = client
        self._clients[client] += 1
        if not heard:
            self._silent[task] = None
        task.add_done_callback(self._leave)

    def hear(self) -> None:
        """The running task's message has come."""
        self._silent.pop(_running(), None)

    def _turn_out(self, task: Task) -> None:
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
