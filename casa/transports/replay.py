"""A checked call, handed on to BentoML's typed method; only the body and the status of its answer come back."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope

from casa.errors import CasaError, DeadlineExceeded, Unavailable
from casa.transports import identity
from casa.transports.answer import JSON, Answer
from casa.transports.head import KIND, LENGTH
from casa.transports.problem import BUG
from casa.transports.visit import CURRENT, Visit


async def replay(app: ASGIApp, scope: Scope, body: bytes, visit: Visit) -> Answer:
    """BentoML's answer to a body that passed our checks, without BentoML's headers.

    Unavailable if it has no room, DeadlineExceeded if it takes too long, CasaError for any other failure:
    a body that we found good and BentoML refuses is our bug.
    """
    fields = [(KIND, JSON), (LENGTH, b"%d" % len(body)), (identity.HEADER, visit.request_id.encode())]
    heard = _Listener()
    CURRENT.set(visit)
    await app({**scope, "headers": fields}, _giver(body), heard)
    if heard.status == 200:
        return Answer(bytes(heard.body))
    raise visit.error or _failure(heard.status)


class _Listener:
    """Takes an answer instead of a caller."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


def _giver(body: bytes) -> Receive:
    """Gives the body once; after it there is no more to come."""
    messages: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return messages.pop() if len(messages) > 1 else messages[0]

    return give


def _failure(status: int) -> CasaError:
    if status in (429, 503):
        return Unavailable("all of this instance is busy")
    if status == 504:
        return DeadlineExceeded("the price was not ready in time")
    return CasaError(BUG)
