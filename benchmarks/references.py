"""Servers that do nothing, over HTTP and gRPC: what a machine can do at most, in the same run.

Example: uvicorn benchmarks.references:app   or   python -m benchmarks.references 3001
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop
from starlette.types import Receive, Scope, Send

HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it does nothing
    """Answers every request with an empty object."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})


class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers every unary call with an empty message."""

    def service(self, _: object) -> Any:  # grpc's handler
        """The handler of any method."""
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, *_: object) -> bytes:
        return b""


async def _serve(port: int) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main(words: list[str]) -> None:
    """Serve gRPC on a port until the process is ended."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(words[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
