"""Real servers for tests: Redis, PostgreSQL, MLflow, each in a folder of its own, on this machine only."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import NoReturn

import httpx
import pytest

from casa.cli.serve import open_address
from casa.errors import CasaError

HIDDEN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
"""Where Debian puts PostgreSQL's programs, off the PATH."""


def lack(what: str) -> NoReturn:
    """Skip a test that needs what this machine has not; fail it where all must run (CASA_TEST_ALL=1)."""
    stop = pytest.fail if os.environ.get("CASA_TEST_ALL") == "1" else pytest.skip
    stop(f"needs {what}")


def need(program: str, package: str) -> str:
    """The program's path; without it the test needs its package."""
    path = shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *map(str, HIDDEN)]))
    if path is None:
        lack(f"{package} from Debian")
    return path


def tool(name: str) -> str:
    """The path of a program that Debian has not; without it the test needs it."""
    path = shutil.which(name)
    if path is None:
        lack(f"{name} on PATH; docs/kubernetes.md says where it comes from")
    return path


def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait until the condition holds; fail if it does not within so many seconds."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"it did not happen within {seconds} s"
        Event().wait(0.005)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Could a service listen on this port of 127.0.0.1?"""
    try:
        open_address("127.0.0.1", port)
    except CasaError:
        return False
    return True


class RedisServer:
    """A Redis that can be killed, stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = need("redis-server", "redis-server")
        self._process: subprocess.Popen[str] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        """Start it; returns once it takes calls."""
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert any("Ready to accept connections" in line for line in self._process.stdout), "Redis did not start"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP hangs it, SIGCONT lets it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def tell(self, *words: str) -> None:
        """Send it one command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            assert connection.recv(64).startswith(b"+OK")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis of this test's own."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


class PostgresServer:
    """A PostgreSQL that listens on a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
        if self._owner is not None:
            shutil.chown(folder, self._owner)
        self._made = 0

    def start(self) -> None:
        """Start it, again or with new files; returns once it takes calls."""
        if not (self._folder / "data").exists():
            self._run("initdb", "--auth=trust", "--username=casa", "--no-sync", "-D", "data")
        options = f"-k {self._folder} -h '' -c fsync=off -c logging_collector=off"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """End it."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of it."""
        parent = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in [parent, *map(int, children)]:
            os.kill(pid, number)

    def make_database(self) -> str:
        """The address of a new, empty database."""
        self._made += 1
        name = f"casa{self._made}"
        self._run("createdb", "-h", str(self._folder), "-U", "casa", name)
        return f"postgresql://casa@/{name}?host={self._folder}"

    def _run(self, program: str, *words: str) -> None:
        command = [need(program, "postgresql"), *words]
        subprocess.run(command, cwd=self._folder, user=self._owner, check=True, stdout=subprocess.DEVNULL)


class MlflowServer:
    """An MLflow server that keeps runs in SQLite and hands out files itself, as the chart's does."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        """Where it keeps what runs leave."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it; returns once it takes calls."""
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1"]
        places = ["--backend-store-uri", "sqlite:///runs.db", "--artifacts-destination", str(self.files)]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *places], cwd=self._folder, env={**os.environ, **quiet}, stdout=log, stderr=log
            )
        until(self._answers, seconds=120)

    def stop(self) -> None:
        """End it and its workers."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "MLflow's server ended"
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A running MLflow server of this test run's own."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this test run's own."""
    need("initdb", "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="casa-postgres-"))  # pytest's own folders are closed to another user
    server = PostgresServer(folder)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of an empty PostgreSQL database of this test's own."""
    return postgres_server.make_database()
