"""The whole service on free ports of this machine, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
import uvicorn

from tests.servers import free_port, until


class Live(NamedTuple):
    """Where it answers, and the key of this machine."""

    address: str
    grpc: str
    key: str


@contextmanager
def live(home: Path, *, port: int | None = None, **settings: str) -> Iterator[Live]:
    """The service with the champion of this BENTOML_HOME and these settings, once it is ready."""
    with ExitStack() as stack:
        folder = settings.setdefault("data_dir", stack.enter_context(TemporaryDirectory()))
        ports = port or free_port(), free_port()
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"grpc_port": str(ports[1]), **settings}.items():
            patch.setenv(f"CASA_{name.upper()}", value)
        patch.setenv("BENTOML_HOME", str(home))
        stack.enter_context(_running(ports[0]))
        patch.undo()
        key = (Path(folder) / "local.key").read_text()
        yield Live(f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", key)


@contextmanager
def _running(port: int) -> Iterator[None]:
    from service import Casa

    config = uvicorn.Config(Casa.to_asgi(), host="127.0.0.1", port=port, ws="none", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), seconds=60)
        assert server.started, "it ended before it was ready"
        yield
    finally:
        server.should_exit = True
        thread.join()
