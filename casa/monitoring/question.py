"""A caller's question to the database: asked in another thread, and answered in time, if only by saying so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from casa.errors import DatabaseUnavailable, Unavailable

SECONDS = 6.0
"""A little longer than a lock is waited for. A server that hangs would keep the few threads, and so all callers."""
AWAY = "the database cannot be asked now"
"""All that a caller is told: where the database is and what it says is the log's."""

Found = TypeVar("Found")


async def ask(question: Callable[[], Found], *, seconds: float = SECONDS) -> Found:
    """What the question gives; Unavailable if the database does not answer, or not in time."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(question), seconds)
    except (DatabaseUnavailable, TimeoutError) as error:
        raise Unavailable(AWAY) from error
