"""How many calls of one kind may run at once."""

from __future__ import annotations

import asyncio

from casa.errors import Unavailable


class Room:
    """Places for calls. Each kind of call has its own, so that none keeps the others out."""

    def __init__(self, places: int) -> None:
        self._places = places
        self.taken = 0

    def enter(self) -> None:
        """Take a place until the running task ends; Unavailable if all are taken."""
        if self.taken >= self._places:
            raise Unavailable("all of this instance is busy")
        self.taken += 1
        task = asyncio.current_task()
        assert task is not None, "a call runs in a task of its own"
        task.add_done_callback(self._leave)

    def _leave(self, _: object) -> None:
        self.taken -= 1
