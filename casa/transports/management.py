"""The management socket: only this user, on this machine, can tell the service to drain."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from casa.private_file import make_folder
from casa.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

ROUTE = "/drain"
MISSING = "no management socket, so `casa drain` will not work: set CASA_DATA_DIR to a writable folder of its own"


def find_socket(settings: Settings, port: int) -> Path:
    """Where the service on this HTTP port listens for `casa drain`."""
    return settings.data_dir / f"{port}.sock"


class Management:
    """A tiny HTTP server on a Unix domain socket: `POST /drain` drains, `GET /drain` tells how far that is."""

    def __init__(self, path: Path, *, drain: Callable[[], None], state: Callable[[], Mapping[str, object]]) -> None:
        self._path = path
        self._drain = drain
        self._state = state
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Listen. Where that is impossible the service does without, and one line of the log says so."""
        try:
            listener = bind(self._path)
        except OSError as error:
            structlog.get_logger().warning(MISSING, socket=str(self._path), reason=error.strerror or str(error))
            return
        await self._listen(listener)

    async def close(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _listen(self, listener: socket.socket) -> None:
        from starlette.applications import Starlette
        from starlette.routing import Route
        from uvicorn import Config
        from uvicorn.protocols.http.h11_impl import H11Protocol
        from uvicorn.server import ServerState

        app = Starlette(routes=[Route(ROUTE, self._answer, methods=["GET", "POST"])])
        config = Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
        config.load()
        state, loop = ServerState(), asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: H11Protocol(config, state, {}), sock=listener)

    async def _answer(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        if request.method == "POST":
            self._drain()
        return JSONResponse(self._state())


def bind(path: Path) -> socket.socket:
    """A socket there that only this user can connect to. OSError if a live process has it, or it cannot be made."""
    make_folder(path.parent)
    if path.is_socket() and not _is_live(path):
        path.unlink()  # a predecessor was killed
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(0o600)  # nobody could connect before: it does not listen yet
    except OSError:
        bound.close()
        raise
    return bound


def _is_live(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(str(path)) != errno.ECONNREFUSED
