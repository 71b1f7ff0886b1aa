"""The commands of README and docs, run as a reader would paste them, in a clone where the service runs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from docs.reference import metrics
from tests.clone import copy_project
from tests.servers import free_port

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVERS = ("make run", "casa serve", "bentoml serve")
PORT = "3000"
PATIENCE_SECONDS = 400


class Clone:
    """A copy of the project as git would clone it, with stores of its own and at most one server."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder = folder
        self.port = str(port)
        self.server: subprocess.Popen[bytes] | None = None
        home = folder.parent / "home"
        home.mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CASA_", "MLFLOW_"))},
            "HOME": str(home),
            "BENTOML_HOME": str(home / "bentoml"),
            "CASA_HTTP_PORT": self.port,
            "CASA_GRPC_PORT": str(free_port()),
            "PATH": f"{folder / '.venv/bin'}:{os.environ['PATH']}",
        }

    def run(self, block: str) -> None:
        """Run a block; one that starts a server is left running until the next that does."""
        commands = block.replace(f":{PORT}", f":{self.port}")
        if commands.startswith(SERVERS):
            self.serve(commands)
        else:
            subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=self.environment,
                           check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS)  # fmt: skip

    def serve(self, commands: str) -> None:
        """Start a server and wait until it is ready."""
        self.stop()
        self.server = subprocess.Popen(
            ["bash", "-euc", commands], cwd=self.folder, env=self.environment, start_new_session=True
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ready():
            assert self.server.poll() is None, f"{commands!r} ended by itself"
            assert time.monotonic() < deadline, f"{commands!r} was not ready in {PATIENCE_SECONDS} s"

    def ready(self) -> bool:
        """Does the server answer that it is ready?"""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=1).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End the server, if there is one, and all it started."""
        if self.server and self.server.poll() is None:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(60)
        self.server = None


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """One for all tests of a module."""
    folder = tmp_path_factory.mktemp("clone") / "casa with a space"
    copy_project(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    made = Clone(folder, port=free_port())
    yield made
    made.stop()


@pytest.fixture(scope="module")
def begun(clone: Clone) -> Clone:
    """A clone in which a reader has begun as the README says."""
    clone.run("make run")
    return clone


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.name)
def test_the_commands_of_a_page_work(page: Path, begun: Clone) -> None:
    for block in BLOCK.findall(page.read_text()):
        begun.run(block)


def test_every_metric_that_the_service_tells_is_looked_up(begun: Clone) -> None:
    told = httpx.get(f"http://127.0.0.1:{begun.port}/metrics").text
    names = set(re.findall(r"^# TYPE (casa_\w+)", told, flags=re.MULTILINE))
    assert set(re.findall(r"`(casa_\w+)`", metrics())) == names
