"""How long `bentoml serve` takes until it is ready, and how much memory it holds, beside a bare BentoML service.

Example: python -m benchmarks.startup
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import psutil

from benchmarks.table import machine, show

ROUNDS = 5
PATIENCE_SECONDS = 60
PROJECT = Path(__file__).parents[1]
BARE = """
import bentoml


@bentoml.service(http={"host": "127.0.0.1"}, traffic={"timeout": 10})
class Bare:
    @bentoml.api
    def predict(self, house: dict) -> dict:
        return house
"""


class Start(NamedTuple):
    """One start: seconds until ready, and the worker's memory in MiB (proportional set size)."""

    seconds: float
    worker_mib: float
    supervisor_mib: float


def main() -> None:
    """Start both services in turn and print medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare.py").write_text(BARE)
        turns = [(_start("service:Casa", PROJECT), _start("bare:Bare", Path(folder))) for _ in range(ROUNDS)]
    ours, bare = ([turn[side] for turn in turns] for side in (0, 1))
    medians = [[median(values) for values in zip(*side, strict=True)] for side in (ours, bare)]
    rows = [(name, a, b, a / b) for name, a, b in zip(Start._fields, *medians, strict=True)]
    show(f"start-up ({machine()})", ("median of 5 starts", "Casa", "bare BentoML", "ratio"), rows)


def _start(service: str, folder: Path) -> Start:
    with _port() as port:
        begin = time.perf_counter()
        command = [str(Path(sys.executable).with_name("bentoml")), "serve", service, "--port", str(port)]
        silent = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=folder, stdout=silent, stderr=silent, env=_environment())
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process)
        seconds = time.perf_counter() - begin
        (worker,) = psutil.Process(process.pid).children()[-1:]
        return Start(seconds, _mib(worker), _mib(psutil.Process(process.pid)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def _environment() -> dict[str, str]:
    return {**os.environ, "BENTOML_DO_NOT_TRACK": "true"}


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"{url} was not ready in {PATIENCE_SECONDS} s")


def _mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


@contextmanager
def _port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    yield int(port)


if __name__ == "__main__":
    main()
