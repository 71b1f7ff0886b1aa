"""The serving image: small, closed, and the same prices as the source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from casa.house import HOUSE
from casa.model import bundle
from casa.model.pricer import Pricer
from tests.images.container import BASE, SERVICE, inspect, need_image, once, podman, running
from tests.servers import until

MOST_BYTES = 480_000_000
UNWANTED = ("mlflow", "shap", "pandas", "sklearn", "pip", "setuptools", "pytest", "kubernetes", "dvc")
PEPPER = "a pepper of tests, as long as it must be"
ASK = """
import json, sys, urllib.request
key, path, body = json.load(sys.stdin)
headers = {"X-API-Key": key, "Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:3000" + path, body and json.dumps(body).encode(), headers)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""
PROBE = "import urllib.request as web; web.urlopen('http://127.0.0.1:3000/readyz')"


@pytest.fixture(scope="module", autouse=True)
def image() -> str:
    return need_image(SERVICE)


class Service:
    """A running container, asked from inside: it has no network."""

    def __init__(self, container: str, key: str) -> None:
        self.container = container
        self._key = key

    def ask(self, path: str, body: object = None) -> dict[str, object]:
        words = json.dumps([self._key, path, body])
        told = podman("exec", "--interactive", self.container, "python", "-c", ASK, stdin=words)
        answer: dict[str, object] = json.loads(told.stdout)
        return answer

    def ready(self) -> bool:
        return podman("exec", self.container, "python", "-c", PROBE, check=False).returncode == 0


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of keys that anyone may read, and the key in it."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    settings = {"CASA_KEYS_FILE": str(file), "CASA_KEY_PEPPER": PEPPER, "CASA_DATA_DIR": str(file.parent)}
    command = [sys.executable, "-m", "casa.cli.main", "keys", "create", "--client", "me"]
    made = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
    file.chmod(0o644)
    return file, made.stdout.strip()


@pytest.fixture
def service(keys: tuple[Path, str]) -> Iterator[Service]:
    file, key = keys
    file.parent.chmod(0o755)
    options = (f"--volume={file}:/keys/keys.json:ro", "--env=CASA_KEYS_FILE=/keys/keys.json")
    with running(SERVICE, *options, f"--env=CASA_KEY_PEPPER={PEPPER}") as container:
        service = Service(container, key)
        until(service.ready, seconds=60)
        yield service


def test_it_is_small() -> None:
    assert inspect(SERVICE)["Size"] - inspect(BASE)["Size"] <= MOST_BYTES


def test_it_holds_nothing_that_trains_builds_or_tests() -> None:
    find = f"import importlib.util as u; print([name for name in {UNWANTED} if u.find_spec(name)])"
    assert once(SERVICE, "python", "-c", find).stdout == "[]\n"
    assert once(SERVICE, "sh", "-c", "command -v gcc cc git; ls -A /tmp").stdout == ""


def test_it_knows_no_address_and_no_secret_of_its_build() -> None:
    ours = podman("history", "--no-trunc", "--format={{.CreatedBy}}", SERVICE).stdout
    base = podman("history", "--no-trunc", "--format={{.CreatedBy}}", BASE).stdout
    environ = set(inspect(SERVICE)["Config"]["Env"]) - set(inspect(BASE)["Config"]["Env"])
    told = ours.removesuffix(base) + " ".join(environ)
    assert "://" not in told
    assert not any(word in told.lower() for word in ("proxy", "token", "password", "index-url"))


def test_it_answers_as_the_source_does_without_root_disk_or_network(service: Service, tmp_path: Path) -> None:
    version = str(service.ask("/health")["model_version"])
    podman("cp", f"{service.container}:/opt/casa/bento/models/casa/{version}/bundle", str(tmp_path / "bundle"))
    saved = bundle.load(tmp_path / "bundle", expect=version)
    house = np.array([[HOUSE.example[name] for name in HOUSE.names]], dtype=np.float64)
    expected = Pricer(saved).price(house).price[0]
    assert service.ask("/predict", HOUSE.example)["prediction"] == pytest.approx(expected, abs=1e-4)


def test_it_runs_as_a_number_that_is_not_root(service: Service) -> None:
    assert inspect(SERVICE)["Config"]["User"] == "1034:1034"
    owners = podman("top", service.container, "huser").stdout.split()[1:]
    assert set(owners) == {"1034"}


def test_sigterm_reaches_it_and_ends_it_well(service: Service) -> None:
    podman("stop", "--time=30", service.container)
    assert podman("inspect", "--format={{.State.ExitCode}}", service.container).stdout == "0\n"


def test_it_drains_without_a_shell(service: Service) -> None:
    told = podman("exec", service.container, "casa", "drain", "--wait=0.1").stdout
    assert told == "the service on port 3000 drains, with 0 calls running; SIGTERM ends it\n"
    assert not service.ready()


def test_it_brings_its_own_model_along() -> None:
    result = once(SERVICE, "casa", "models", "pull")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(" is in the image\n")


def test_strangers_cannot_reach_it_without_keys() -> None:
    result = once(SERVICE)
    assert result.returncode == 1
    assert "CASA_KEY_PEPPER must be set" in result.stderr
