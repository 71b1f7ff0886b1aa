"""A gRPC method as it is declared, and one call of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError, Message

from casa.access.gate import Gate
from casa.access.keys import Key, Scope
from casa.errors import CasaError, MalformedRequest, TooLarge
from casa.settings import Settings
from casa.transports.asker import Asker
from casa.transports.metadata import REQUEST_ID, Trailer, tell_charge

Clock = Callable[[], datetime]

SMALL_BYTES = 64 * 1024
"""The largest message that holds no batch."""
ROW_BYTES = 256
"""Twice what a house of a batch takes, whatever it is sent as."""


class Call(Asker):
    """Who calls, and what is told beside the answer."""

    def __init__(self, request_id: str, gate: Gate, *, clock: Clock, path: str, scope: Scope | None) -> None:
        super().__init__(request_id)
        self.path = path
        self.gate = gate
        self.clock = clock
        self.scope = scope
        self.token: str | None = None
        self.trailers: list[Trailer] = [(REQUEST_ID, request_id)]
        """What goes back beside whatever it is answered."""
        self.charged = False

    def enter(self) -> Key:
        """The caller's key as it is now: one that was revoked while its stream runs opens nothing more."""
        assert self.scope is not None, "an open method has no caller"
        key = self.gate.enter(self.token, scope=self.scope, now=self.clock())
        self.client = key.client
        return key

    async def charge(self, rows: int) -> None:
        """Take so many rows from the caller's quota; QuotaExceeded if they are not there."""
        self.charged = True
        key, now = self.enter(), self.clock()
        shared = self.gate.shares
        charge = await self.gate.charge_shared(key, rows, now=now) if shared else self.gate.charge(key, rows, now=now)
        self.trailers[1:] = tell_charge(charge)  # a stream is charged for each house

    async def settle(self) -> None:
        """Charge for a call that was answered without a price: what cannot be read has been read all the same."""
        if self.scope is not None and not self.charged:
            await self.charge(1)


@dataclass(frozen=True)
class Method:
    """One method: `answer` gets a message and gives one, or takes and gives many where it `streams`."""

    request: type[Message]
    answer: Callable[[Call, Any], Awaitable[Message]] | Callable[[Call, AsyncIterator[Any]], AsyncIterator[Message]]
    scope: Scope | None = "predict"
    """None: open to everybody."""
    streams: bool = False
    most_bytes: int = SMALL_BYTES
    """How large a message may be: in memory it may take seventy times as much."""

    def read(self, content: bytes) -> Message | CasaError:
        """A message out of bytes. A failure is returned: what a deserializer raises is told in protobuf's words."""
        if len(content) > self.most_bytes:
            return TooLarge(f"a message to this method may hold at most {self.most_bytes:,} bytes")
        try:
            message: Message = self.request.FromString(content)
        except DecodeError:
            return MalformedRequest(f"these bytes are no {self.request.DESCRIPTOR.full_name}")
        return message

    async def ask(self, call: Call, message: Any) -> Message:  # what `read` gave
        """The answer to one message; what was no message is raised."""
        if isinstance(message, CasaError):
            raise message
        answer: Any = self.answer(call, message)
        given: Message = await answer
        return given


def batch_bytes(settings: Settings) -> int:
    """The largest message that holds a batch."""
    return min(settings.max_batch_bytes, SMALL_BYTES + ROW_BYTES * settings.max_rows)


def write(message: Message) -> bytes:
    """A message's bytes."""
    content: bytes = message.SerializeToString()
    return content
