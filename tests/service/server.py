"""`bentoml` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.servers import free_port, until

PROJECT = Path(__file__).parents[2]
BENTOML = (sys.executable, "-m", "bentoml")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """What a process of ours sees: this BENTOML_HOME, these settings, and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CASA_", "BENTOML_"))}
    # BentoML installs uv with pip where it finds none, even for a build that does not run it.
    tools = home / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "uv").write_text("#!/bin/sh\nexit 1\n")
    (tools / "uv").chmod(0o755)
    own = {"CASA_DATA_DIR": str(home / "data"), "CASA_GRPC_PORT": str(free_port())}
    path = os.pathsep.join([str(tools), kept.get("PATH", "")])
    return {**kept, "PATH": path, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true", **own, **settings}


def run(*words: str, home: Path, folder: Path = PROJECT, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `bentoml WORDS` to its end."""
    command, env = [*BENTOML, *words], environment(home, **settings)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


class Server:
    """A running service."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port
        self.key = ""
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def ready(self) -> bool:
        assert self._process.poll() is None, "it ended before it was ready"
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)


@contextmanager
def serve(target: str, *, home: Path, folder: Path = PROJECT, **settings: str) -> Iterator[Server]:
    """`bentoml serve TARGET`, once it is ready."""
    port = free_port()
    command = [*BENTOML, "serve", target, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=environment(home, **settings))
    server = Server(process, port)
    try:
        until(server.ready, seconds=60)
        server.key = (home / "data/local.key").read_text()
        server.client.headers["X-API-Key"] = server.key
        yield server
    finally:
        server.client.close()
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a supervisor and its worker, which it starts in a group of its own: neither may be left behind."""
    if process.poll() is not None:
        return
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=20)
    for one in alive:
        one.kill()
    process.wait()
