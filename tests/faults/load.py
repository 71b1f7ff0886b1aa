"""Callers in one event loop: each keeps its connection for as long as the server does, and counts how its calls end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice

import orjson
from anyio.from_thread import start_blocking_portal

from casa.house import HOUSE

PAUSE_SECONDS = 0.1
MOST = 1_000
"""Calls of one caller, so that no load lasts forever."""
LOST = "connection lost"
HOST = "127.0.0.1"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Load:
    """Asks for prices over and over."""

    def __init__(self, port: int, key: str) -> None:
        self.outcomes: Counter[int | str] = Counter()
        self._port = port
        body = orjson.dumps(HOUSE.example)
        head = f"POST /predict HTTP/1.1\r\nHost: casa\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
        self._request = head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        self._end = asyncio.Event()

    async def run(self, callers: int) -> None:
        """Call until `stop`."""
        await asyncio.gather(*(self._call() for _ in range(callers)))

    async def stop(self) -> None:
        """Let running calls end, and make no more."""
        self._end.set()

    async def _call(self) -> None:
        connection = None
        for _ in range(MOST):
            connection = await self._count(connection)
            if await _happens(self._end, PAUSE_SECONDS):
                break
        if connection:
            connection[1].close()

    async def _count(self, connection: Connection | None) -> Connection | None:
        """One call, over this connection or a new one; the connection, if it may be used again."""
        try:
            connection = connection or await asyncio.open_connection(HOST, self._port)
            status, closing = await self._ask(*connection)
        except (OSError, EOFError):
            status, closing = LOST, True
        self.outcomes[status] += 1
        if closing and connection:
            connection[1].close()
        return None if closing else connection

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int | str, bool]:
        """The status, and whether the server closes the connection after this answer."""
        writer.write(self._request)
        line, *fields = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        headers = dict(field.split(b": ", 1) for field in fields if field)
        await reader.readexactly(int(headers[b"content-length"]))
        return int(line.split()[1]), headers.get(b"connection") == b"close"


class Balancer:
    """Hands each new connection to the next server that said of late that it is ready."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        self.ready: set[int] = set()
        self.port = 0
        self._turn = cycle(ports)
        self._ports = ports
        self._end = asyncio.Event()

    async def open(self) -> None:
        """Take connections."""
        await self._look()
        self._looking = asyncio.create_task(self._keep_looking())
        self._server = await asyncio.start_server(self._hand_over, HOST, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._end.set()
        await self._looking
        self._server.close()

    async def _keep_looking(self) -> None:
        while not await _happens(self._end, 0.2):
            await self._look()

    async def _look(self) -> None:
        self.ready = {port for port in self._ports if await _is_ready(port)}

    async def _hand_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = (port for port in islice(self._turn, len(self._ports)) if port in self.ready)
        try:
            theirs = await asyncio.open_connection(HOST, next(ready, 0))  # nobody listens on 0
            await asyncio.gather(_copy(reader, theirs[1]), _copy(theirs[0], writer))
        except OSError:
            writer.close()


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: casa\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(65536):
            writer.write(content)
    finally:
        writer.close()


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


@contextmanager
def loaded(port: int, key: str, *, callers: int) -> Iterator[Load]:
    """A load on a server that lasts as long as the block."""
    with start_blocking_portal() as portal:
        load = Load(port, key)
        running = portal.start_task_soon(load.run, callers)
        yield load
        portal.call(load.stop)
        running.result(timeout=30)


@contextmanager
def balanced(*ports: int) -> Iterator[Balancer]:
    """A balancer before these servers."""
    with start_blocking_portal() as portal:
        balancer = Balancer(ports)
        portal.call(balancer.open)
        yield balancer
        portal.call(balancer.close)
