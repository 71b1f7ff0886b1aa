"""`casa drain`: the word to a running service that it is about to be stopped."""

from __future__ import annotations

import json
import socket
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated

import typer

from casa.cli import console
from casa.errors import NotFound

POLL_SECONDS = 0.25
ANSWER_SECONDS = 5.0


def drain(
    *,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Its HTTP port; unless given CASA_HTTP_PORT, else 3000.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, metavar="SECONDS", help="How long to give callers to move on.")
    ] = 5.0,
) -> None:
    """Send the callers of a service on this machine elsewhere, so that it can be stopped without losing a call.

    It is not ready any more, and closes connections: over HTTP after their next answer, over gRPC once they are 4 s
    old, and then it takes no new gRPC call. What fronts it needs a moment to notice, and an idle connection is closed
    after 5 s: the command waits that long.
    As a preStop hook in Kubernetes it needs no shell: command: [casa, drain]

    Example: casa drain --port 8080 --wait 10
    """
    from casa.settings import load_settings
    from casa.transports.management import find_socket

    settings = load_settings()
    port = port or settings.http_port
    place = find_socket(settings, port)
    running = _ask(place, "POST")
    if running is None:
        raise NotFound(
            f"nothing of Casa runs on port {port} with its data in {settings.data_dir}: "
            "name another by --port, or set CASA_DATA_DIR as the service has it"
        )
    running = _watch(place, running, seconds=wait)
    left = "has ended" if running is None else f"drains, with {running} calls running; SIGTERM ends it"
    console.answer(f"the service on port {port} {left}")


def _ask(place: Path, method: str) -> int | None:
    """How many calls are running; None if there is no service."""
    from casa.transports.management import ROUTE

    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        service = HTTPConnection("casa")
        service.sock = line
        try:
            line.connect(str(place))
            service.request(method, ROUTE)
            return int(json.load(service.getresponse())["running"])
        except (OSError, HTTPException):
            return None


def _watch(place: Path, running: int | None, *, seconds: float) -> int | None:
    """Let the time pass, or the service end; the calls that are running then."""
    end = time.monotonic() + seconds
    with console.stderr().status("") as line:
        while running is not None and (left := end - time.monotonic()) > 0:
            line.update(f"draining, {left:.0f} s left; calls running: {running}")
            time.sleep(min(POLL_SECONDS, left))
            running = _ask(place, "GET")
    return running
