"""An answer: its bytes and headers, and how they are sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from starlette.types import Scope, Send

Header = tuple[bytes, bytes]

WHOLE = "casa.answer"
"""The extension of ASGI by which a server takes an answer as one message of this type: `status`, `lines` of the head,
`body`. Two messages, and uvicorn's look at each header, would take as long as the key and the quota."""

JSON = b"application/json"
PROBLEM = b"application/problem+json"
HTML = b"text/html; charset=utf-8"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"

GUARD: Header = (b"x-content-type-options", b"nosniff")
LOCKED: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""No answer but a page has anything to load or may be framed."""
LINE_END = re.compile(rb"[\r\n\0]")


class Answer(NamedTuple):
    """One answer, whole."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[Header, ...] = (LOCKED,)
    cache: bytes = b"no-store"
    """Cache-Control; nothing but a page's assets may be kept."""
    fields: tuple[Header, ...] = ()
    """Headers of this one call: what it left of a quota."""

    def head(self, request_id: str) -> list[Header]:
        """All its headers."""
        steady = _steady(self.media, self.cache, self.headers)
        return [
            *steady,
            *self.fields,
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
        ]

    async def reply(self, scope: Scope, send: Send, *, request_id: str) -> None:
        """Send it, as one message if the server takes that."""
        if scope["method"] != "HEAD" and WHOLE in scope.get("extensions", ()):
            lines = self._lines(request_id)
            await send({"type": WHOLE, "status": self.status, "lines": lines, "body": self.body})
        else:
            await self.send(send, request_id=request_id, bodiless=scope["method"] == "HEAD")

    async def send(self, send: Send, *, request_id: str, bodiless: bool = False, last: bool = True) -> None:
        """Send it; `bodiless` for HEAD; not `last` keeps the exchange open until `finish`."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.head(request_id)})
        body = b"" if bodiless else self.body
        await send({"type": "http.response.body", "body": body, "more_body": not last})

    def having(self, fields: Mapping[str, str]) -> Answer:
        """The same answer with more header fields."""
        if not fields:
            return self
        told = tuple([(name.lower().encode(), value.encode()) for name, value in fields.items()])
        return Answer(self.body, self.status, self.media, self.headers, self.cache, told)

    def closing(self) -> Answer:
        """The same answer, after which the connection is closed."""
        return self._replace(headers=(*self.headers, (b"connection", b"close")))

    def _lines(self, request_id: str) -> bytes:
        own = b"".join([b"%b: %b\r\n" % field for field in self.fields])
        steady = _steady_lines(self.media, self.cache, self.headers)
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % (steady, len(self.body), request_id.encode(), own)


def _steady(media: bytes, cache: bytes, headers: tuple[Header, ...]) -> list[Header]:
    """The headers that many answers have in common."""
    return [(b"content-type", media), (b"cache-control", cache), GUARD, *headers]


@lru_cache
def _steady_lines(media: bytes, cache: bytes, headers: tuple[Header, ...]) -> bytes:
    steady = _steady(media, cache, headers)
    if any(LINE_END.search(part) for header in steady for part in header):
        raise ValueError("a header field must be one line")  # a bug of ours: no caller's word stands there
    return b"".join(b"%b: %b\r\n" % header for header in steady)


def as_json(content: Any, *, status: int = 200) -> Answer:  # whatever orjson can write
    """A JSON answer."""
    return Answer(orjson.dumps(content), status)


async def finish(send: Send) -> None:
    """End an exchange that was kept open."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})
