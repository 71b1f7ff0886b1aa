"""A request's body: read whole, within a number of bytes and of seconds, or refused."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from starlette.types import Message, Receive

from casa.errors import MalformedRequest, SlowRequest, TooLarge
from casa.transports.head import Head

LINGER_SECONDS = 2.0
"""How long bytes are still taken from a caller who was refused: one who is cut off while sending may never
read why."""


class Gone(Exception):
    """The caller hung up; nobody is left to answer."""


class Body:
    """The body that follows one head."""

    def __init__(self, head: Head, receive: Receive) -> None:
        self._head = head
        self._receive = receive
        self.begun = False
        """Has anyone looked at it?"""
        self.ended = not head.has_body
        """Has its last byte arrived? Until then the connection cannot carry another request."""
        self._patience = LINGER_SECONDS

    async def read(self, *, most: int, seconds: float) -> bytes:
        """The whole body.

        TooLarge over `most` bytes, before they are read where the head says so; SlowRequest after `seconds`;
        LengthRequired or MalformedRequest if its framing is unclear; Gone if the caller hangs up.
        """
        self.begun = True
        length = self._head.length()
        if length is not None and length > most:
            raise _too_large(most)
        # Nearly always the body comes with the head: then there is nothing to wait for, and no timer is set.
        steps = self._collect(most).__await__()
        try:
            pending = next(steps)
        except StopIteration as done:
            content: bytes = done.value
        else:
            content = await self._wait(seconds, steps, pending)
        if length is not None and length != len(content):
            raise MalformedRequest("the body is not as long as Content-Length says")
        return content

    async def drop(self, *, most: int) -> None:
        """Take what is left and forget it, as far as it comes soon and within `most` bytes."""
        try:
            async with asyncio.timeout(self._patience):
                while not self.ended and most > 0:
                    most -= len(await self._chunk())
        except (TimeoutError, Gone):
            return

    async def hold(self, *, seconds: float) -> None:
        """Wait so long, or until the caller hangs up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._receive()

    async def _collect(self, most: int) -> bytes:
        chunk = await self._chunk()
        if self.ended and len(chunk) <= most:
            return chunk
        content = bytearray(chunk)  # bytes would be copied whole for each of a million small chunks
        while not self.ended and len(content) <= most:
            content += await self._chunk()
        if len(content) > most:
            raise _too_large(most)
        return bytes(content)

    async def _wait(self, seconds: float, steps: Generator[Any, Any, bytes], pending: Any) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await _go_on(steps, pending)
        except TimeoutError as error:
            self._patience = 0.0
            raise SlowRequest(f"the body did not arrive within {seconds:g} s") from error

    async def _chunk(self) -> bytes:
        message: Message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        self.ended = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk


@types.coroutine
def _go_on(steps: Generator[Any, Any, bytes], pending: Any) -> Generator[Any, Any, bytes]:
    """Await what has already begun: first what it waits for, then the rest."""
    try:
        yield pending
    except BaseException:
        steps.close()
        raise
    return (yield from steps)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most:,} bytes")
