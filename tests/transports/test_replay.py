"""What becomes of BentoML's answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from casa.errors import CasaError, DeadlineExceeded, Unavailable
from casa.transports.answer import Answer
from casa.transports.replay import replay
from casa.transports.visit import Visit, current

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [(b"cookie", b"a=b")]}


def answering(status: int) -> Callable[[Scope, Receive, Send], Any]:
    """An application that answers with what it was asked, as BentoML dresses it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        told = {"body": await request.json(), "headers": dict(request.headers), "id": current().request_id}
        await JSONResponse(told, status, headers={"server": "BentoML Service/casa"})(scope, receive, send)

    return app


def replayed(status: int) -> Answer:
    return asyncio.run(replay(answering(status), SCOPE, b'{"RM":6}', Visit("mine")))


def test_the_body_goes_in_as_it_was_and_the_id_with_it() -> None:
    headers = b'"headers":{"content-type":"application/json","content-length":"8","x-request-id":"mine"}'
    assert replayed(200).body == b'{"body":{"RM":6},' + headers + b',"id":"mine"}'


def test_only_the_body_comes_back() -> None:
    assert replayed(200).headers == Answer(b"").headers


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, Unavailable), (503, Unavailable), (504, DeadlineExceeded), (500, CasaError), (400, CasaError)],
)
def test_a_failure_comes_back_as_ours(status: int, error: type[CasaError]) -> None:
    with pytest.raises(error) as caught:
        replayed(status)
    assert "bento" not in str(caught.value).lower()


def test_a_call_from_nowhere_has_an_id_too() -> None:
    assert len(current().request_id) == 32
