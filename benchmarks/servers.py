"""The servers that are measured, each pinned to one core of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.load import SERVER, Load, ghz, wrk

PROJECT = Path(__file__).parents[1]
KSERVE = PROJECT / ".venv-clients" / "kserve_server"
BORROWED = ("xgboost-cpu", "scipy")
"""What a KServe user adds to serve this model."""
PATIENCE_SECONDS = 60
QUOTA = "900000000/minute"
SCOPES = ("--scope", "predict", "--scope", "monitor")


class Server(NamedTuple):
    """A running server."""

    process: psutil.Process
    http: int = 0
    grpc: int = 0
    key: str = ""

    def post(self, path: str, body: bytes, *, seconds: int, connections: int = 16, **headers: str) -> Load:
        """POST a body as often as it answers."""
        before, url = self.cpu(), f"http://127.0.0.1:{self.http}{path}"
        load = wrk(url, body, seconds=seconds, connections=connections, X_API_Key=self.key, **headers)
        return self._counted(load, before, seconds)

    def call(self, method: str, message: object, *, seconds: int, proto: Path) -> Load:
        """Call a unary method with 16 calls in flight."""
        before, address = self.cpu(), f"127.0.0.1:{self.grpc}"
        load = ghz(address, method, message, seconds=seconds, proto=proto, x_api_key=self.key)
        return self._counted(load, before, seconds)

    def cpu(self) -> float:
        """Seconds of CPU time that it has taken so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def _counted(self, load: Load, before: float, seconds: int) -> Load:
        return load._replace(cpu_us=(self.cpu() - before) / (load.per_second * seconds) * 1e6)


@contextmanager
def casa(*, journal: str, folder: Path | None = None, project: Path = PROJECT, **settings: str) -> Iterator[Server]:
    """`bentoml serve` with every guard: a key, a quota with a high limit, the queue of answers, metrics, drift.

    Its data folder is a new one, unless given; its code is this project's, unless it is another's; further settings by
    their names.
    """
    http, grpc = free_port(), free_port()
    with tempfile.TemporaryDirectory() as place:
        own = {
            "CASA_DATA_DIR": str(folder or place),
            "CASA_GRPC_PORT": str(grpc),
            "CASA_JOURNAL": journal,
            "PYTHONPATH": str(project),
            **settings,
        }
        environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true", **own}
        make = [_tool("casa"), "keys", "create", "--client", "bench", "--quota", QUOTA, *SCOPES]
        made = subprocess.run(make, env=environment, capture_output=True, text=True, check=True).stdout
        key = re.findall(r"casa_\w+", made)[0]
        command = [*SERVER, _tool("bentoml"), "serve", "service:Casa", "--port", str(http)]
        with running(command, ports=(http, grpc), environment=environment, folder=project) as process:
            yield Server(process.children()[-1], http, grpc, key)


@contextmanager
def nothing() -> Iterator[tuple[Server, Server]]:
    """A do-nothing ASGI application on uvicorn, and a do-nothing grpc.aio method."""
    http, grpc = free_port(), free_port()
    quiet = ["--log-level", "warning", "--no-access-log"]
    asgi = [*SERVER, _tool("uvicorn"), "benchmarks.references:app", "--port", str(http), *quiet]
    rpc = [*SERVER, sys.executable, "-m", "benchmarks.references", str(grpc)]
    with running(asgi, ports=(http,)) as first, running(rpc, ports=(grpc,)) as second:
        yield Server(first, http=http), Server(second, grpc=grpc)


@contextmanager
def kserve(bundle: Path) -> Iterator[Server]:
    """KServe's server with the same model."""
    http, grpc = free_port(), free_port()
    words = ["-m", "benchmarks.kserve_server", str(bundle), str(http), str(grpc)]
    with running([*SERVER, str(_kserve_python()), *words], ports=(http, grpc)) as process:
        yield Server(process, http, grpc)


@contextmanager
def running(
    command: Sequence[str],
    *,
    ports: Sequence[int],
    environment: dict[str, str] | None = None,
    folder: Path = PROJECT,
) -> Iterator[psutil.Process]:
    """A process of ours, from when it listens on its ports until it is ended."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        _await(process, ports)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(process: subprocess.Popen[bytes], ports: Sequence[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(_listens(port) for port in ports):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("a server did not start")
        time.sleep(0.1)
    time.sleep(2)  # BentoML's supervisor listens before its worker answers


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _kserve_python() -> Path:
    python, ready = KSERVE / "bin" / "python", KSERVE / "ready"
    if not ready.is_file():
        venv.create(KSERVE, clear=True)
        lock = (PROJECT / "requirements.lock").read_text()
        borrowed = KSERVE / "borrowed.lock"
        borrowed.write_text("".join(re.findall(rf"(?m)^(?:{'|'.join(BORROWED)})==(?:.*\\\n)*.*\n", lock)))
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        files = [word for file in (PROJECT / "tests/clients/kserve.lock", borrowed) for word in ("-r", str(file))]
        subprocess.run([*install, "--require-hashes", *files], check=True)
        ready.touch()
    return python
