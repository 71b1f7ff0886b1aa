"""One exchange over HTTP as uvicorn has it, and one more way to answer: whole, with one message."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from casa.transports.answer import WHOLE


class Cycle(RequestResponseCycle):
    """Also takes the message `answer.WHOLE`, without another look at headers that are known to be sound."""

    async def send(self, message: Any) -> None:  # one of ASGI's messages, or ours
        """Send a part of an answer, or a whole one."""
        if message["type"] != WHOLE:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._write(message)

    def _write(self, message: Any) -> None:
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        default = [b"%b: %b\r\n" % header for header in self.default_headers]
        last = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        head = (STATUS_LINE[message["status"]], *default, message["lines"], last)
        self.transport.write(b"".join((*head, message["body"])))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
