"""What BentoML started this process as, and where it is to listen."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from casa import kin
from casa.errors import CasaError
from casa.transports import supervisor

LOOPBACK = "127.0.0.1"


def bound_host() -> str:
    """The address that BentoML was told to listen on, or that this worker listens on; loopback in process."""
    name = _bound_name()
    return str(name[0] if name else _asked().get("host") or LOOPBACK)


def bound_port() -> int | None:
    """The port that this worker listens on; None outside of one."""
    name = _bound_name()
    return int(name[1]) if name else None


def follow_supervisor() -> None:
    """End when the supervisor does: left behind, a worker would keep the port, and nothing would stop it."""
    parent = int(os.environ.get(supervisor.NAME, os.getppid()))
    if _is_worker() and not kin.follow(parent):
        sys.exit("casa: the supervisor of this worker has ended")


@contextmanager
def starting() -> Iterator[None]:
    """A CasaError ends a worker with one line, and its supervisor with it; where there is no worker, it is raised."""
    try:
        yield
    except CasaError as error:
        if not _is_worker():
            raise
        supervisor.fail(error)


def _asked() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    return context.params if context else {}


def _is_worker() -> bool:
    return isinstance(_asked().get("fd"), int)


def _bound_name() -> Any:  # the socket's, or None
    if not _is_worker():
        return None
    with socket.socket(fileno=os.dup(_asked()["fd"])) as bound:  # the supervisor has bound it
        return bound.getsockname()
