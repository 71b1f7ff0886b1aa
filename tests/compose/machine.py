"""A clone of the project that `make up` starts in containers of its own, by podman."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.clone import copy_project
from tests.images.container import podman
from tests.servers import free_port

COMPOSE = "podman-compose"
SYSTEMD = Path("/run/systemd/system")
SERVICES = ("casa", "mlflow", "postgres", "redis")


class Machine:
    """The clone, and the containers that come of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"casa-test-{os.getpid()}"
        self.http, self.grpc = free_port(), free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("CASA_", "MLFLOW_"))}
        ports = {"CASA_HTTP_PORT": self.http, "CASA_GRPC_PORT": self.grpc, "MLFLOW_PORT": free_port()}
        self._environment = {
            **own,
            **{name: str(port) for name, port in ports.items()},
            "COMPOSE_PROJECT_NAME": self.name,
            "PATH": f"{folder / '.venv/bin'}:{os.environ['PATH']}",
            # podman leaves health checks to systemd; where that does not run, they are asked for by `healthy`.
            **({} if SYSTEMD.exists() else {"DISABLE_HC_SYSTEMD": "true"}),
        }
        copy_project(folder)

    @property
    def url(self) -> str:
        """Where it answers over HTTP."""
        return f"http://127.0.0.1:{self.http}"

    def run(self, *words: str, check: bool = True) -> str:
        """What a command in the clone says on both outputs."""
        done = subprocess.run(
            words, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert not (check and done.returncode), done.stdout
        return done.stdout

    def make(self, target: str, *words: str) -> str:
        """`make TARGET WORDS`."""
        return self.run("make", target, f"COMPOSE={COMPOSE}", *words)

    def within(self, service: str, *words: str) -> str:
        """What a command in a service's container prints."""
        return podman("exec", self.container(service), *words).stdout

    def healthy(self, service: str) -> bool:
        """Does its health check say so, asked now?"""
        return podman("healthcheck", "run", self.container(service), check=False).returncode == 0

    def container(self, service: str) -> str:
        """The id of a service's container."""
        filters = {"project": self.name, "service": service}
        words = [f"--filter=label=io.podman.compose.{name}={value}" for name, value in filters.items()]
        (name,) = podman("ps", "--format={{.ID}}", *words).stdout.split()
        return name

    def query(self, sql: str) -> str:
        """What Casa's database answers."""
        words = ("psql", "--username=postgres", "--dbname=casa", "--tuples-only", "--no-align", f"--command={sql}")
        return self.within("postgres", *words).strip()

    def inspect(self, service: str) -> dict[str, object]:
        """podman's record of a service's container."""
        found: dict[str, object] = json.loads(podman("inspect", self.container(service)).stdout)[0]
        return found

    def remove(self) -> None:
        """Containers, networks and volumes."""
        self.run(COMPOSE, "--profile", "retrain", "down", "--volumes", check=False)
