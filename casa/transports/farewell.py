"""The last answer on a connection: why it ends, where there is no request to answer, or none that can be understood."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from casa.errors import CasaError
from casa.transports.answer import finish
from casa.transports.body import LINGER_SECONDS
from casa.transports.identity import fresh
from casa.transports.problem import problem

Exchange = tuple[RequestResponseCycle, Any]  # and the application that answers, in uvicorn's private types


def farewell(connection: HttpToolsProtocol, error: CasaError) -> Exchange:
    """An exchange that tells this error and ends the connection."""
    cycle = RequestResponseCycle(
        scope={"type": "http", "method": "GET"},  # type: ignore[typeddict-item]  # nothing else is asked of it
        transport=connection.transport,
        flow=connection.flow,
        logger=connection.logger,
        access_logger=connection.access_logger,
        access_log=False,
        default_headers=connection.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=False,
        on_response=connection.on_response_complete,
    )
    return cycle, _Farewell(error)


class _Farewell:
    """Answers, and waits a little for the caller to hang up: one who is cut off while sending may never read why."""

    def __init__(self, error: CasaError) -> None:
        self._error = error

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        request_id = fresh()
        answer = problem(self._error, request_id=request_id).closing()
        await answer.send(send, request_id=request_id, last=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await receive()
        await finish(send)
