import asyncio
import socket
from contextlib import ExitStack

from casa.transports.loop import Loop

NEWCOMERS = 40


class Counted(asyncio.Protocol):
    """Counts connections."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).count += 1
        transport.close()


def free_socket() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


async def turns(listener: socket.socket) -> int:
    """In how many turns of the loop all newcomers are taken."""
    Counted.count = taken = 0
    server = await asyncio.get_running_loop().create_server(Counted, sock=listener)
    with ExitStack() as stack:
        for _ in range(NEWCOMERS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        while Counted.count < NEWCOMERS:
            await asyncio.sleep(0)
            taken += 1
        server.close()
        await server.wait_closed()
    return taken


def test_newcomers_are_taken_in_few_turns() -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(turns(free_socket())) < NEWCOMERS / 4


def test_a_closed_server_takes_nobody() -> None:
    listener = free_socket()
    address = listener.getsockname()
    with asyncio.Runner(loop_factory=Loop) as runner, socket.socket() as late:
        runner.run(turns(listener))
        assert late.connect_ex(address) != 0
