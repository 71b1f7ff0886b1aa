"""HTTP by hand: bytes over a socket, and the answers that come back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import orjson

from tests.live import Live


class Heard(NamedTuple):
    """One answer."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes

    def is_problem(self) -> bool:
        """Is it a failure, told as all failures are?"""
        document = orjson.loads(self.body)
        told = self.fields[b"content-type"] == b"application/problem+json"
        return (
            told
            and document["status"] == self.status
            and document["request_id"].encode() == self.fields[b"x-request-id"]
        )


@contextmanager
def connected(live: Live, sent: bytes = b"") -> Iterator[socket.socket]:
    """A connection over which this was sent."""
    host, port = live.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        yield connection


def hear(connection: socket.socket) -> list[Heard]:
    """All answers, until one says that it is the last, or the connection ends."""
    with connection.makefile("rb") as file:
        return list(_answers(file))


def talk(live: Live, sent: bytes) -> list[Heard]:
    """All answers to these bytes."""
    with connected(live, sent) as connection:
        return hear(connection)


def _answers(file: BinaryIO) -> Iterator[Heard]:
    while line := file.readline():
        head = iter(file.readline, b"\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in head)}
        yield Heard(int(line.split()[1]), fields, file.read(int(fields[b"content-length"])))
        if fields.get(b"connection") == b"close":
            return
