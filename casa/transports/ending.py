"""The end of a worker: it begins to drain as soon as it is told to stop, and callers who do not read cannot hold it."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import Callable
from types import FrameType

import uvicorn

MARGIN_SECONDS = 5
"""How long an answer may take to be fetched, once the last byte of its call has arrived."""


def heed(drain: Callable[[], None], *, body_seconds: float) -> None:
    """Call `drain` at the signal that stops uvicorn, which then waits no longer than running calls may take.

    uvicorn runs the hooks of a service only once all its connections are closed, and has no other way in.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not isinstance(server, uvicorn.Server):
        return  # another server, or another thread's, which ends in its own way
    limit = math.ceil(body_seconds) + MARGIN_SECONDS
    server.config.timeout_graceful_shutdown = server.config.timeout_graceful_shutdown or limit
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain)
        server.handle_exit(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
