"""grpc.aio's server, made to survive callers of methods it does not have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc


class StrictServer(cygrpc.AioServer):  # type: ignore[misc]  # grpc has no types
    """Takes the calls of unknown methods in a loop of its own.

    grpc.aio's loop decodes the path of each such call, outside any `try`: one path that is not UTF-8, which needs
    no key, ends the loop and with it the server (grpcio 1.85). The methods we have are asked for by their names,
    and their paths are not decoded.
    """

    _declining: asyncio.Task[None] | None = None

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        """The next call of a method; of unknown ones, grpc's own loop never hears."""
        if method is not None:
            future: asyncio.Future[Any] = super()._make_request_call_future(method)
            return future
        self._declining = asyncio.create_task(self._decline())
        return asyncio.get_running_loop().create_future()

    async def _decline(self) -> None:
        """Answer every call of an unknown method, until the server stops."""
        running: set[asyncio.Task[None]] = set()
        while True:
            try:
                state = await self._request_call()
            except cygrpc._RequestCallError:  # noqa: SLF001 - how grpc says that the server stops
                return
            task = asyncio.create_task(_refuse(state))
            running.add(task)
            task.add_done_callback(running.discard)


def strict_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor], options: Sequence[tuple[str, int]]
) -> grpc.aio.Server:
    """A server of grpc.aio that runs on a `StrictServer`."""
    server = grpc.aio.server(interceptors=interceptors, options=options)
    server._server = StrictServer(  # noqa: SLF001 - grpc.aio has no other way in
        cygrpc.get_working_loop(), None, (), interceptors, tuple(options), None
    )
    return server


async def _refuse(state: Any) -> None:  # grpc's state of a call
    context = cygrpc._ServicerContext(state, None, None, asyncio.get_running_loop())  # noqa: SLF001 - as grpc itself does
    try:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server has no such method")
    except (grpc.aio.AbortError, cygrpc.ExecuteBatchError):
        return  # `abort` ends like this, or the caller is gone
