"""Where the microseconds of one `POST /predict` go inside the worker, part by part and as a whole.

In a server they take about twice as long: between two calls the kernel and the loop use the same caches.

Example: python -m benchmarks.request
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import uvloop
from starlette.types import Message

from benchmarks.servers import free_port
from benchmarks.table import machine, show
from casa.access.quota import LocalQuota, Quota
from casa.house import HOUSE
from casa.transports import parse
from casa.transports.answer import as_json
from casa.transports.body import Body
from casa.transports.head import Head
from casa.transports.http import Front
from casa.transports.identity import identify
from casa.transports.visit import Visit

TOGETHER = 16
"""Calls of one turn of the event loop."""
ROUNDS, REPEATS = 15, 200
BODY = orjson.dumps(HOUSE.example)


def main() -> None:
    """Time every part, and the whole, and print a table."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())


async def _main() -> None:
    with _settings():
        from service import Casa

        service: Any = Casa  # BentoML's decorator is not typed
        front, casa = service.to_asgi(), service()
        key = (Path(os.environ["CASA_DATA_DIR"]) / "local.key").read_text()
        rows = [(name, _best(part)) for name, part in _parts(casa.running.serving, key).items()]
        together = await _together(casa.running.serving)
        whole = await _whole(front, key)
    table = [*rows, (f"its share of pricing {TOGETHER} houses together", together), ("the whole call", whole)]
    show(f"one price, µs ({machine()})", ("part", "µs"), table)


def _parts(serving: Any, key: str) -> dict[str, Callable[[], object]]:  # the running model and its guards
    fields = _fields(key)
    head, visit, gate, now = Head(fields), Visit("x" * 32), serving.gate, datetime.now(UTC)
    visit.enter(gate, key, now)
    content = serving.desk.price(parse.house(BODY), visit)
    answer, quota, local = as_json(content), Quota(900_000_000, 60), LocalQuota()
    return {
        "head and request id": lambda: identify(Head(fields)),
        "key": lambda: visit.enter(gate, gate.find_token(head.tokens()), now),
        "quota": lambda: local.take("bench", quota, 100, now=1.8e9).fields,
        "reading the body": lambda: _run(Body(head, _receive).read(most=65_536, seconds=10)),
        "reading the JSON strictly": lambda: parse.house(BODY),
        "writing the JSON": lambda: as_json(content),
        "sending": lambda: _run(answer.send(_sink, request_id=visit.request_id)),
        "the record for those who watch": lambda: visit.answered("/predict", "200"),
    }


def _best(part: Callable[[], object]) -> float:
    """The least mean of several rounds, in µs: what it takes when nothing else runs."""
    return min(_microseconds(part) for _ in range(ROUNDS))


def _microseconds(part: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(REPEATS):
        part()
    return (time.perf_counter() - start) / REPEATS * 1e6


async def _together(serving: Any) -> float:  # the running model
    house, visit = parse.house(BODY), Visit("x" * 32)
    return await _gathered(lambda: serving.batcher.ask(house, visit))


async def _whole(front: Front, key: str) -> float:
    def call() -> Awaitable[None]:
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": _fields(key)}
        return front(scope, _receive, _sink)

    return await _gathered(call)


async def _gathered(call: Callable[[], Awaitable[object]]) -> float:
    """The least mean of calls that come together, less what gathering them costs."""
    return await _rounds(call) - await _rounds(lambda: asyncio.sleep(0))


async def _rounds(call: Callable[[], Awaitable[object]]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(REPEATS // TOGETHER):
            await asyncio.gather(*(call() for _ in range(TOGETHER)))
        best = min(best, time.perf_counter() - start)
    return best / (REPEATS // TOGETHER * TOGETHER) * 1e6


def _fields(key: str) -> list[tuple[bytes, bytes]]:
    length = b"%d" % len(BODY)
    kind = (b"content-type", b"application/json")
    return [(b"host", b"127.0.0.1:3000"), (b"content-length", length), kind, (b"x-api-key", key.encode())]


async def _receive() -> Message:
    return {"type": "http.request", "body": BODY, "more_body": False}


async def _sink(_: Message) -> None:
    """Takes an answer's messages."""


def _run(coroutine: Any) -> object:  # one that never waits
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


@contextmanager
def _settings() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as place:
        own = {"CASA_DATA_DIR": place, "CASA_GRPC_PORT": str(free_port())}
        with patch.dict(os.environ, own):
            yield


if __name__ == "__main__":
    main()
