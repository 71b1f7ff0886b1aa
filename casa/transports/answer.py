"""An answer: its bytes and headers, and how they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from starlette.types import Send

Header = tuple[bytes, bytes]

JSON = b"application/json"
PROBLEM = b"application/problem+json"
HTML = b"text/html; charset=utf-8"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"

GUARD: Header = (b"x-content-type-options", b"nosniff")
LOCKED: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""No answer but a page has anything to load or may be framed."""


class Answer(NamedTuple):
    """One answer, whole."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[Header, ...] = (LOCKED,)
    cache: bytes = b"no-store"
    """Cache-Control; nothing but a page's assets may be kept."""

    def head(self, request_id: str) -> list[Header]:
        """All its headers."""
        return [
            (b"content-type", self.media),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
            (b"cache-control", self.cache),
            GUARD,
            *self.headers,
        ]

    async def send(self, send: Send, *, request_id: str, bodiless: bool = False, last: bool = True) -> None:
        """Send it; `bodiless` for HEAD; not `last` keeps the exchange open until `finish`."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.head(request_id)})
        body = b"" if bodiless else self.body
        await send({"type": "http.response.body", "body": body, "more_body": not last})

    def having(self, fields: Mapping[str, str]) -> Answer:
        """The same answer with more header fields."""
        if not fields:
            return self
        more = ((name.lower().encode(), value.encode()) for name, value in fields.items())
        return Answer(self.body, self.status, self.media, (*self.headers, *more), self.cache)

    def closing(self) -> Answer:
        """The same answer, after which the connection is closed."""
        return self._replace(headers=(*self.headers, (b"connection", b"close")))


def as_json(content: Any, *, status: int = 200) -> Answer:  # whatever orjson can write
    """A JSON answer."""
    return Answer(orjson.dumps(content), status)


async def finish(send: Send) -> None:
    """End an exchange that was kept open."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})
