"""A management socket in an event loop of its own, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from casa.transports.management import ROUTE, Management


class Managed:
    """Something that can be drained, behind its socket."""

    def __init__(self, path: Path, portal: BlockingPortal) -> None:
        self.path = path
        self.drained = 0
        self._portal = portal
        self._management = Management(path, drain=self._drain, state=self._state)

    def open(self) -> None:
        self._portal.call(self._management.open)

    def close(self) -> None:
        self._portal.call(self._management.close)

    def ask(self, method: str, route: str = ROUTE) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.path))) as client:
            return client.request(method, f"http://casa{route}")

    def _drain(self) -> None:
        self.drained += 1

    def _state(self) -> dict[str, object]:
        return {"draining": self.drained > 0, "running": 3}


@contextmanager
def managed(path: Path) -> Iterator[Managed]:
    """An open management socket there."""
    with start_blocking_portal() as portal:
        one = Managed(path, portal)
        one.open()
        yield one
        one.close()
