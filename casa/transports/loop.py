"""The event loop of a worker: uvloop's, which takes several new connections a turn instead of one.

libuv accepts one connection of a listening socket in each turn of the loop. With a thousand busy connections a turn
lasts a tenth of a second, and a hundred newcomers would wait for ten. A copy of the socket is accepted from as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import uvloop

COPIES = 15
"""Each wakes up for every newcomer, for a microsecond."""
OF_EACH = ("backlog", "ssl")
"""What a server on a copy must be told again."""


class Listeners:
    """Servers on copies of one socket, to be closed as one."""

    def __init__(self, servers: Sequence[Any]) -> None:  # uvloop's, which has types for half of them
        self._servers = servers

    @property
    def sockets(self) -> Any:  # asyncio's, which look like sockets
        """The socket, as one server has it."""
        return self._servers[0].sockets

    def close(self) -> None:
        """Take no more connections."""
        for server in self._servers:
            server.close()

    async def wait_closed(self) -> None:
        """Until no server is open any more."""
        for server in self._servers:
            await server.wait_closed()


class Loop(uvloop.Loop):
    """Accepts a burst of connections in few turns."""

    async def create_server(  # type: ignore[override]  # it is called as uvicorn does, which names what it gives
        self, factory: Callable[[], asyncio.BaseProtocol], **named: Any
    ) -> Listeners:
        """A server that also accepts from copies of its sockets."""
        first: Any = await super().create_server(factory, **named)
        own = {name: value for name, value in named.items() if name in OF_EACH}
        copies = [one.dup() for one in first.sockets for _ in range(COPIES)]
        return Listeners([first, *[await uvloop.Loop.create_server(self, factory, sock=one, **own) for one in copies]])


def make_loop(**_: bool) -> Callable[[], Loop]:
    """What uvicorn makes a worker's loop with, whatever else it says of it."""
    return Loop
