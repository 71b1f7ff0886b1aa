"""`bentoml` and `casa serve` as processes of their own."""

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
CASA = (sys.executable, "-m", "casa.cli.main")


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

    def __init__(self, process: subprocess.Popen[bytes], port: int, settings: dict[str, str]) -> None:
        self._process = process
        self.port = port
        self.settings = settings
        """Its environment."""
        self.key = ""
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def ready(self) -> bool:
        assert self._process.poll() is None, "it ended before it was ready"
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code, when it has ended."""
        return self._process.wait(timeout=30)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def worker(self) -> psutil.Process:
        """The process that answers."""
        family = psutil.Process(self._process.pid).children(recursive=True)
        (worker,) = (one for one in family if "_bentoml_impl.worker.service" in one.cmdline())
        return worker

    def supervisor(self) -> psutil.Process:
        """The worker's parent: BentoML."""
        parent = self.worker().parent()
        assert parent is not None
        return parent

    def manage(self, method: str) -> dict[str, int]:
        """What the management socket answers."""
        transport = httpx.HTTPTransport(uds=f"{self.settings['CASA_DATA_DIR']}/{self.port}.sock")
        with httpx.Client(transport=transport) as client:
            state: dict[str, int] = client.request(method, "http://casa/drain").json()
            return state


@contextmanager
def serve(
    *words: str,
    home: Path,
    folder: Path = PROJECT,
    program: tuple[str, ...] = BENTOML,
    port: int | None = None,
    **settings: str,
) -> Iterator[Server]:
    """`bentoml serve WORDS`, once it is ready."""
    port, env = port or free_port(), environment(home, **settings)
    process = subprocess.Popen([*program, "serve", *words, "--port", str(port)], cwd=folder, env=env)
    server = Server(process, port, env)
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
