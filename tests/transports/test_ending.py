"""What a signal to stop does inside a worker."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
import uvicorn

from casa.transports.ending import heed

STOPS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def server() -> Iterator[uvicorn.Server]:
    """A server that has taken over the signals, as when it runs."""
    server = uvicorn.Server(uvicorn.Config("nowhere:app"))
    before = [signal.signal(number, server.handle_exit) for number in STOPS]
    yield server
    for number, handler in zip(STOPS, before, strict=True):
        signal.signal(number, handler)


async def heeded(number: signal.Signals) -> None:
    """Whoever heeds a signal drains when it comes."""
    drained = asyncio.Event()
    heed(drained.set, body_seconds=9.5)
    assert not drained.is_set()
    signal.raise_signal(number)
    await asyncio.wait_for(drained.wait(), 5)


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_drains_and_stops_the_server(server: uvicorn.Server, number: signal.Signals) -> None:
    asyncio.run(heeded(number))
    assert (server.should_exit, server.config.timeout_graceful_shutdown) == (True, 15)


def test_an_operators_own_limit_stays(server: uvicorn.Server) -> None:
    server.config.timeout_graceful_shutdown = 3
    asyncio.run(heeded(signal.SIGTERM))
    assert server.config.timeout_graceful_shutdown == 3


def test_another_servers_signals_stay_its_own() -> None:
    before = [signal.getsignal(number) for number in STOPS]
    heed(lambda: None, body_seconds=9.5)
    assert [signal.getsignal(number) for number in STOPS] == before
