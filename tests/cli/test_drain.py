"""`casa drain`: what it asks a service, and what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import ROOT, at_terminal, casa, start
from tests.servers import free_port, until
from tests.transports.managed import Managed, managed

HEAVY = {"bentoml", "grpc", "httpx", "numpy", "onnxruntime", "sqlalchemy", "starlette", "uvicorn", "xgboost"}


@pytest.fixture(autouse=True)
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The port that is asked about unless one is given."""
    port = free_port()
    monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CASA_HTTP_PORT", str(port))
    return port


@pytest.fixture
def service(port: int, tmp_path: Path) -> Iterator[Managed]:
    """What can be drained there."""
    with managed(tmp_path / f"{port}.sock") as service:
        yield service


def test_it_drains_and_tells_what_is_left(service: Managed, port: int) -> None:
    result = casa("drain", "--wait", "0.01")
    assert result.stdout == f"the service on port {port} drains, with 3 calls running; SIGTERM ends it\n"
    assert (result.exit_code, result.stderr, service.drained) == (0, "", 1)


def test_a_terminal_shows_how_it_goes(service: Managed, tmp_path: Path) -> None:
    code, output = at_terminal("drain", "--wait", "0.5", folder=tmp_path)
    assert (code, "calls running: 3" in output) == (0, True)


def test_a_service_that_ends_meanwhile_is_well(service: Managed, port: int, tmp_path: Path) -> None:
    process = start("drain", "--wait", "60", folder=tmp_path, stdout=subprocess.PIPE)
    until(lambda: service.drained)
    service.close()
    assert process.communicate() == (f"the service on port {port} has ended\n", None)


@pytest.mark.parametrize("words", [[], ["--port", "1"]])
def test_where_nothing_is_served_one_sentence_says_so(words: list[str], port: int, tmp_path: Path) -> None:
    result = casa("drain", *words)
    said = f"casa: nothing of Casa runs on port {words[-1] if words else port} with its data in {tmp_path}: "
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(said)


def test_it_loads_nothing_heavy(service: Managed) -> None:
    asked = "import sys; from casa.cli.main import app; app(['drain', '--wait', '0'], standalone_mode=False)"
    command = [sys.executable, "-c", f"{asked}; print(*sys.modules)"]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(loaded.stdout.split())
    assert service.drained == 1
