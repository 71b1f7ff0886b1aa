"""A connection over HTTP: uvicorn's, with limits on what happens before there is a request to answer.

uvicorn hands a request on once its head is complete. Until then nothing bounds how long that takes or how large
it grows, and failures are answered in uvicorn's words, at once, even before the answers of earlier requests.
"""

from __future__ import annotations

import asyncio
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from casa.errors import CasaError, HeadTooLarge, MalformedRequest, SlowRequest, Unavailable
from casa.transports.answer import WHOLE
from casa.transports.cycle import Cycle
from casa.transports.farewell import Exchange, farewell
from casa.transports.porter import Porter, Stillness

MOST_HEAD_BYTES = 16 * 1024
"""The largest head of a request, and the most that may surround the parts of a body: sizes, extensions, trailers."""
MOST_FIELDS = 100
MOST_WAITING = 32
"""Requests that may be sent ahead on one connection while another is answered."""
VERSIONS = frozenset({"1.0", "1.1"})
EXTENSIONS: dict[str, dict[object, object]] = {WHOLE: {}}
"""What more of ASGI a request may use."""
HOST, UPGRADE = b"host", b"upgrade"

NO_HTTP = "what came is no clear HTTP/1.1; the connection is closed"


class Connection(HttpToolsProtocol):
    """Ends when its caller is slow, sends too much around a body, or speaks no clear HTTP."""

    def __init__(self, config: Any, *others: Any, **named: Any) -> None:  # as uvicorn makes it
        super().__init__(config, *others, **named)
        self.app = config.app  # without uvicorn's middleware: nobody here asks who a proxy says that it calls for
        self._porter: Porter = config.app.porter
        self._stillness = Stillness(self.loop.time())
        self._refused = False
        self._arrived = 0
        self._unfinished: object = None
        self._surplus = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Look after the caller, or turn it away."""
        super().connection_made(transport)
        try:
            self._porter.enter(self, self.loop)
        except Unavailable as error:
            self._refuse(error)
            if self._porter.overrun:
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._porter.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a refused caller's words are forgotten."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._arrived = len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, CasaError) else MalformedRequest(NO_HTTP))
        else:
            cycle = self.cycle
            if cycle is None or cycle.more_body or cycle.scope is not self.scope:
                self._weigh()

    def on_headers_complete(self) -> None:
        """Check the head, and hand the request on."""
        self._check_head()
        super().on_headers_complete()
        self.scope["extensions"] = EXTENSIONS
        if self.cycle:
            self.cycle.__class__ = Cycle  # uvicorn makes its own class; nothing has been answered yet
        self.headers = []  # a body's trailers are no header fields, and are forgotten

    def look(self, now: float) -> None:
        """End it if the caller does not take an answer, or begins no request, or does not end a request's head."""
        unsent = self.transport.get_write_buffer_size()
        if not (unsent or self._wanting):
            self._stillness.seconds(None, now)
        elif self._stillness.seconds((self.cycle, unsent), now) < self._porter.head_seconds:
            return
        elif unsent:
            self.transport.abort()
        elif self._begun:
            self._refuse(SlowRequest(f"the head of the request did not arrive within {self._porter.head_seconds:g} s"))
        else:
            # Whatever is said to a caller who asks nothing could be taken for the answer to its next request.
            self.transport.close()

    @property
    def _begun(self) -> bool:
        """Has a head begun that is not complete?"""
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    @property
    def _wanting(self) -> bool:
        """Is a head due? After an answer, uvicorn's own timer runs until something comes, even if that begins none."""
        cycle = self.cycle
        return cycle is None or self._begun or (cycle.response_complete and self.timeout_keep_alive_task is None)

    def _check_head(self) -> None:
        fields = self.headers
        # Only a head that came in parts or in a large one can be too large.
        suspect = self._unfinished is self.scope or self._arrived > MOST_HEAD_BYTES
        if len(fields) > MOST_FIELDS or (suspect and self._head_bytes() > MOST_HEAD_BYTES):
            raise HeadTooLarge(f"the head is larger than {MOST_HEAD_BYTES:,} bytes or {MOST_FIELDS} fields")
        if len(self.pipeline) >= MOST_WAITING:
            raise Unavailable("too many requests were sent ahead; wait for their answers")
        version = self.parser.get_http_version()
        hosts = [name for name, _ in fields].count(HOST)
        if version not in VERSIONS or hosts > 1 or (version == "1.1" and not hosts):
            raise MalformedRequest("the request must be HTTP/1.1, with one Host")

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _weigh(self) -> None:
        """Refuse what goes on for too long without becoming a head or a body."""
        in_body = not self._begun and self.cycle is not None
        unfinished: object = self.cycle if in_body else self.scope
        if unfinished is not self._unfinished or (in_body and self.cycle.body):
            self._unfinished, self._surplus = unfinished, 0
            return
        self._surplus += self._arrived
        if self._surplus > MOST_HEAD_BYTES:
            self._refuse(HeadTooLarge(f"more than {MOST_HEAD_BYTES:,} bytes came that are no part of a body"))

    def _decline(self, rest: bytes) -> None:
        """Read the request again as if it offered no other protocol: httptools takes what follows for that protocol."""
        if self.scope["method"] == "CONNECT":
            self._refuse(MalformedRequest("this is no proxy"))
            return
        first = f"{self.scope['method']} {self.url.decode()} HTTP/{self.parser.get_http_version()}\r\n"
        fields = [b"%b: %b\r\n" % field for field in self.scope["headers"] if field[0] != UPGRADE]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn: it is not read
        self.data_received(b"".join([first.encode(), *fields, b"\r\n", rest]))

    def _should_upgrade(self) -> bool:
        """Keeps uvicorn from answering a request that offers another protocol before `_decline` read it again."""
        return True

    def _refuse(self, error: CasaError) -> None:
        """Say why, when earlier requests have been answered, and close; nothing more is read."""
        self._refused = True
        self._porter.count(error)
        last, exchange = self.cycle, farewell(self, error)
        self.cycle = exchange[0]
        if last is None or last.response_complete:
            self._start_asgi_task(*exchange)
        elif last.more_body:
            self._replace(last, exchange)
        else:
            self.pipeline.appendleft(exchange)

    def _replace(self, broken: RequestResponseCycle, exchange: Exchange) -> None:
        """Let nobody else answer a request whose body broke off."""
        if self.pipeline and self.pipeline[0][0] is broken:
            self.pipeline[0] = exchange
            return
        broken.disconnected = True
        broken.message_event.set()
        if broken.response_started:
            self.transport.close()
        else:
            self._start_asgi_task(*exchange)
