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

from benchmarks.load import SERVER

PROJECT = Path(__file__).parents[1]
KSERVE = PROJECT / ".venv-clients" / "kserve_server"
BORROWED = ("xgboost-cpu", "scipy")
"""What a KServe user adds to serve this model."""
PATIENCE_SECONDS = 60
QUOTA = "900000000/minute"


class Casa(NamedTuple):
    """A running service."""

    http: int
    grpc: int
    key: str
    worker: psutil.Process

    @property
    def url(self) -> str:
        """Where it answers over HTTP."""
        return f"http://127.0.0.1:{self.http}"


@contextmanager
def casa() -> Iterator[Casa]:
    """`bentoml serve` with every guard: a key, a quota with a high limit, the queue of answers, metrics."""
    http, grpc = free_port(), free_port()
    with tempfile.TemporaryDirectory() as place:
        environment = {
            **os.environ,
            "CASA_DATA_DIR": place,
            "CASA_GRPC_PORT": str(grpc),
            "BENTOML_DO_NOT_TRACK": "true",
        }
        make = [_tool("casa"), "keys", "create", "--client", "bench", "--quota", QUOTA]
        made = subprocess.run(make, env=environment, capture_output=True, text=True, check=True).stdout
        key = re.findall(r"casa_\w+", made)[0]
        command = [*SERVER, _tool("bentoml"), "serve", "service:Casa", "--port", str(http)]
        with running(command, ports=(http, grpc), environment=environment) as process:
            yield Casa(http, grpc, key, process.children()[-1])


@contextmanager
def nothing() -> Iterator[tuple[int, int]]:
    """A do-nothing ASGI application on uvicorn, and a do-nothing grpc.aio method: their ports."""
    http, grpc = free_port(), free_port()
    quiet = ["--log-level", "warning", "--no-access-log"]
    asgi = [*SERVER, _tool("uvicorn"), "benchmarks.references:app", "--port", str(http), *quiet]
    rpc = [*SERVER, sys.executable, "-m", "benchmarks.references", str(grpc)]
    with running(asgi, ports=(http,)), running(rpc, ports=(grpc,)):
        yield http, grpc


@contextmanager
def kserve(bundle: Path) -> Iterator[tuple[int, int]]:
    """KServe's server with the same model: its ports."""
    http, grpc = free_port(), free_port()
    words = ["-m", "benchmarks.kserve_server", str(bundle), str(http), str(grpc)]
    with running([*SERVER, str(_kserve_python()), *words], ports=(http, grpc)):
        yield http, grpc


@contextmanager
def running(
    command: Sequence[str], *, ports: Sequence[int], environment: dict[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A process of ours, from when it listens on its ports until it is ended."""
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
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
        lock = (PROJECT / "requirements.lock").read_text().split("\n")
        pins = [line.split(" ")[0] for line in lock if line.startswith(tuple(f"{name}==" for name in BORROWED))]
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        subprocess.run([*install, "-r", str(PROJECT / "tests/clients/kserve.lock")], check=True)
        subprocess.run([*install, *pins], check=True)
        ready.touch()
    return python
