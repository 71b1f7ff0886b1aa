"""Impatient callers in one event loop: each asks again as soon as it is answered, whatever the answer was."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic
from typing import NamedTuple

HOST = "127.0.0.1"
SETTLING = 1.0
"""Seconds until every caller was answered once."""


class Ask(NamedTuple):
    """What is asked, and where."""

    port: int
    request: bytes


class Tally:
    """How calls ended, and how long they took."""

    def __init__(self) -> None:
        self.outcomes: Counter[int] = Counter()
        self.seconds: list[float] = []
        """Of the calls that got what they asked for."""

    def add(self, status: int, seconds: float) -> None:
        self.outcomes[status] += 1
        if status == 200:
            self.seconds.append(seconds)


def crowd(ask: Ask, *, callers: int, seconds: float) -> Tally:
    """So many callers for so long, counted once all of them have come."""
    tally, begin = Tally(), monotonic() + SETTLING
    asyncio.run(_crowd(ask, tally, callers, begin, begin + seconds))
    return tally


def probe(port: int, path: str) -> Ask:
    """A plain GET."""
    return Ask(port, b"GET %b HTTP/1.1\r\nHost: casa\r\n\r\n" % path.encode())


async def _crowd(ask: Ask, tally: Tally, callers: int, begin: float, end: float) -> None:
    await asyncio.gather(*(_call(ask, tally, begin, end) for _ in range(callers)))


async def _call(ask: Ask, tally: Tally, begin: float, end: float) -> None:
    reader, writer = await asyncio.open_connection(HOST, ask.port)
    while (asked := monotonic()) < end:
        writer.write(ask.request)
        status = await _hear(reader)
        if begin < monotonic() < end:  # what ends later belongs to no full second
            tally.add(status, monotonic() - asked)
    writer.close()


async def _hear(reader: asyncio.StreamReader) -> int:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(field.split(b": ", 1) for field in fields if field)
    await reader.readexactly(int(headers[b"content-length"]))
    status = int(line.split()[1])
    assert status == 200 or headers[b"retry-after"]
    return status
