"""How a call over HTTP fails, and when it is tried again.

What is to be done next is yielded instead of done, so that threads and asyncio share every decision.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from casa.errors import (
    CasaError,
    DeadlineExceeded,
    Flaw,
    Forbidden,
    HeadTooLarge,
    InvalidHouse,
    InvalidKey,
    LengthRequired,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    QuotaExceeded,
    SlowRequest,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from casa.transports import schema

T = TypeVar("T")
Answer = TypeVar("Answer", bound=BaseModel)

FIRST_WAIT_SECONDS = 0.1

_PLAIN: Mapping[int, type[CasaError]] = {
    400: MalformedRequest,
    403: Forbidden,
    404: NotFound,
    408: SlowRequest,
    411: LengthRequired,
    413: TooLarge,
    415: UnsupportedMedia,
    431: HeadTooLarge,
    504: DeadlineExceeded,
}
"""The errors that a sentence is enough for."""

_FLAWS = TypeAdapter(list[schema.Flaw])


@dataclass(frozen=True)
class Wait:
    """Do nothing for so long."""

    seconds: float


Step = httpx.Request | Wait
Failure = httpx.RequestError | UnicodeError
"""What sending may raise; UnicodeError for a host that no name can be like."""
Reply = httpx.Response | Failure | None
Steps = Generator[Step, Reply, T]
"""Yields requests and waits, takes what came of each, and returns what all of it was for."""


@dataclass(frozen=True)
class Patience:
    """How often and how long a call is tried that the server has no room for."""

    tries: int = 4
    longest_seconds: float = 30.0
    """Who is asked to wait longer is told so instead."""
    random: Random = field(default_factory=SystemRandom)

    def wait(self, tried: int, *, asked: float) -> Wait | None:
        """What to wait after so many tries and being asked to wait so long; None to give up.

        The random part keeps callers who were refused together from coming back together.
        """
        if tried >= self.tries or asked > self.longest_seconds:
            return None
        doubled: float = FIRST_WAIT_SECONDS * 2**tried
        return Wait(asked + self.random.uniform(0, doubled))


def persist(request: httpx.Request, patience: Patience, *, answer: type[Answer]) -> Steps[Answer]:
    """The answer to a request; a CasaError with the server's words if there is none in the end."""
    tried = 0
    while True:
        reply = yield request
        tried += 1
        try:
            return _read(_check(reply), answer)
        except (QuotaExceeded, Unavailable) as error:
            wait = patience.wait(tried, asked=error.retry_after)
            if wait is None:
                raise
        yield wait


def _check(reply: Reply) -> httpx.Response:
    if isinstance(reply, httpx.LocalProtocolError | httpx.UnsupportedProtocol | UnicodeError):
        raise unsendable() from None  # httpx would show the key
    if isinstance(reply, httpx.TimeoutException):
        raise DeadlineExceeded("the server did not answer in time") from reply
    if isinstance(reply, httpx.DecodingError):
        raise not_casa() from reply
    if isinstance(reply, httpx.RequestError):
        raise Unavailable(f"the server cannot be reached: {reply}", retry_after=0) from reply
    assert reply is not None, "a request has a reply"
    if not reply.is_success:
        raise failure(reply)
    return reply


def _read(response: httpx.Response, answer: type[Answer]) -> Answer:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        raise not_casa() from error


def unsendable() -> MalformedRequest:
    """The error of a call that cannot leave this machine."""
    return MalformedRequest("this address, this key or what is asked cannot be sent")


def not_casa() -> Unavailable:
    """The error behind an answer that something else gave, such as a proxy."""
    return Unavailable("this is no answer of Casa's: something else answers at this address", retry_after=0)


def failure(answer: httpx.Response) -> CasaError:
    """The error behind an answer, with the server's own sentence."""
    problem = _problem(answer)
    sentence = str(problem.get("detail") or f"the server answered {answer.status_code}")
    error = _error(answer, sentence, _flaws(problem.get("errors")))
    error.args = (sentence,)
    return error


def _error(answer: httpx.Response, sentence: str, flaws: Sequence[Flaw]) -> CasaError:
    headers = answer.headers
    match answer.status_code:
        case 401:
            return InvalidKey(sentence, challenge=headers.get("www-authenticate", "Bearer"))
        case 405:
            return MethodNotAllowed(headers.get("allow", "").split(", "))
        case 422:
            return InvalidHouse(flaws)
        case 429:
            fields = {name: headers[name] for name in ("RateLimit", "RateLimit-Policy") if name in headers}
            return QuotaExceeded(sentence, retry_after=_seconds(headers), fields=fields)
        case 503:
            return Unavailable(sentence, retry_after=_seconds(headers))
        case status:
            return _PLAIN.get(status, CasaError)(sentence)


def _problem(answer: httpx.Response) -> dict[str, Any]:  # JSON values
    try:
        problem = answer.json()
    except (ValueError, RecursionError):
        return {}  # a proxy's page, say
    return problem if isinstance(problem, dict) else {}


def _flaws(given: object) -> list[Flaw]:
    """Those of a problem's `errors`; none if they are not Casa's."""
    try:
        flaws = _FLAWS.validate_python(given)
    except ValidationError:
        return []
    return [Flaw(loc=flaw.loc, msg=flaw.msg, type=flaw.type) for flaw in flaws]


def _seconds(headers: Mapping[str, str]) -> int:
    given = headers.get("retry-after", "")
    return int(given) if re.fullmatch("[0-9]{1,8}", given) else 0
