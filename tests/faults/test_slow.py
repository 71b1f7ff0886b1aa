"""Callers that send slowly, or without end: they are closed, others do not notice, and memory stays as it is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select
from shutil import copytree
from time import monotonic

import pytest

from tests.service.server import Server, serve
from tests.transports.caller import EXAMPLE

CALLERS = 200
SECONDS = 2.0
MEGABYTE = 1024 * 1024
PIECE = b"100000\r\n" + bytes(MEGABYTE) + b"\r\n"
"""One chunk of a megabyte."""
HEAD = b"POST /predict/batch HTTP/1.1\r\nHost: casa\r\nContent-Type: application/json\r\nX-API-Key: %b\r\n%b\r\n"


@pytest.fixture(scope="module")
def server(store_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Path(copytree(store_home, tmp_path_factory.mktemp("slow") / "home"))
    with serve(".", home=home, CASA_HEAD_SECONDS=str(SECONDS), CASA_BODY_SECONDS=str(SECONDS)) as server:
        yield server


def begin(server: Server, framing: bytes) -> bytes:
    """The head of a batch call."""
    return HEAD % (server.key.encode(), framing)


@contextmanager
def many(server: Server, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections over which no more than this is sent."""
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10 * SECONDS))
            for _ in range(CALLERS)
        ]
        for connection in connections:
            connection.sendall(sent)
        yield connections


def slowest(server: Server, *, calls: int) -> float:
    """Seconds of the slowest of so many prices."""
    seconds = []
    for _ in range(calls):
        begin = monotonic()
        assert server.client.post("/predict", json=EXAMPLE).status_code == 200
        seconds.append(monotonic() - begin)
    return max(seconds)


@pytest.mark.parametrize("framing", [b"X-", b"Content-Length: 100\r\n"], ids=["heads", "bodies"])
def test_slow_heads_and_bodies_are_closed_in_time_and_hurt_nobody(server: Server, framing: bytes) -> None:
    sent = begin(server, framing)[: -2 if framing == b"X-" else None]
    with many(server, sent) as connections:
        start = monotonic()
        assert slowest(server, calls=50) < 1.0
        answers = [connection.recv(4096) for connection in connections]
    assert {answer.split(b" ")[1] for answer in answers} == {b"408"}
    assert monotonic() - start < 2 * SECONDS


def pour(connection: socket.socket, *, pieces: int) -> Iterator[bool]:
    """Send so many pieces or until the server closes; whether an answer has come, after each."""
    try:
        for _ in range(pieces):
            connection.sendall(PIECE)
            yield bool(select([connection], [], [], 0)[0])
    except ConnectionError:
        return


def test_a_gigabyte_in_chunks_is_refused_early_and_takes_no_memory(server: Server) -> None:
    process = server.worker()
    before = most = process.memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(begin(server, b"Transfer-Encoding: chunked\r\n"))
        poured = pour(connection, pieces=1024)
        early = [is_heard for _, is_heard in zip(range(64), poured, strict=False) if is_heard]
        answer = connection.recv(4096)
        for _ in poured:
            most = max(most, process.memory_info().rss)
    assert early
    assert answer.startswith(b"HTTP/1.1 413")
    assert most - before < 50 * MEGABYTE
    assert slowest(server, calls=1) < 1.0


@pytest.mark.parametrize("endless", [b"2;", b"0\r\nX: "], ids=["extension", "trailer"])
def test_what_surrounds_chunks_without_end_takes_no_memory(server: Server, endless: bytes) -> None:
    process = server.worker()
    before = process.memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(begin(server, b"Transfer-Encoding: chunked\r\n") + endless)
        assert any(is_heard for is_heard in pour_text(connection))
        assert connection.recv(4096).startswith(b"HTTP/1.1 431")
    assert process.memory_info().rss - before < 50 * MEGABYTE


def pour_text(connection: socket.socket) -> Iterator[bool]:
    for _ in range(64):
        connection.sendall(b"a" * MEGABYTE)
        yield bool(select([connection], [], [], 0)[0])
