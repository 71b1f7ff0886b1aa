"""The real application in this process, and ways to call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.types import Message

from casa.house import HOUSE
from casa.transports.http import Front

EXAMPLE = HOUSE.example
REQUIRED = {feature.name: feature.example for feature in HOUSE.features if not feature.optional}


class Caller:
    """Calls one started application, as a test reads: one line a call."""

    def __init__(self, app: Front, portal: BlockingPortal) -> None:
        self.app = app
        self.key = ""
        """Sent with every call that brings none."""
        self._portal = portal

    def get(self, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        return self._portal.call(self._send, method, path, options)

    def post(self, path: str, content: Any, *, media: str = "application/json", **headers: str) -> httpx.Response:
        """JSON of `content`, or `content` itself if it is bytes."""
        kind = {"content-type": media, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = {"content": content} if isinstance(content, bytes) else {"json": content}
        return self._portal.call(self._send, "POST", path, {**body, "headers": kind})

    def predict(self, **changes: Any) -> httpx.Response:
        """The example's price, with some values changed."""
        return self.post("/predict", {**EXAMPLE, **changes})

    def batch(self, *rows: Any) -> httpx.Response:
        """The prices of rows."""
        return self.post("/predict/batch", {"instances": rows})

    def exchange(self, path: str, *, fields: list[tuple[bytes, bytes]], chunks: list[Message]) -> list[Message]:
        """A POST as a server would hand it in, message by message; after the last one nothing comes."""
        return self._portal.call(self._exchange, path, fields, chunks)

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        headers = httpx.Headers(options.pop("headers", {}))
        if self.key and "authorization" not in headers:
            headers.setdefault("x-api-key", self.key)
        options["headers"] = headers
        async with httpx.AsyncClient(transport=transport, base_url="http://casa") as client:
            return await client.request(method, path, **options)

    async def _exchange(self, path: str, fields: list[tuple[bytes, bytes]], chunks: list[Message]) -> list[Message]:
        sent: list[Message] = []
        coming = iter(chunks)

        async def receive() -> Message:
            return next(coming, None) or await asyncio.Event().wait()

        async def send(message: Message) -> None:
            sent.append(message)

        fields = [*fields, (b"x-api-key", self.key.encode())]
        await self.app({"type": "http", "method": "POST", "path": path, "headers": fields}, receive, send)
        return sent


@contextmanager
def started(app: Front) -> Iterator[Caller]:
    """The application between its startup and its shutdown, on an event loop of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_lifespan(app)):
        yield Caller(app, portal)


@contextmanager
def unstarted(app: Front) -> Iterator[Caller]:
    """The application before its startup."""
    with start_blocking_portal() as portal:
        yield Caller(app, portal)


@asynccontextmanager
async def _lifespan(app: Front) -> AsyncIterator[None]:
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    yield
    await inbox.put({"type": "lifespan.shutdown"})
    await outbox.get()
    await life
