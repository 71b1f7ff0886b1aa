"""`casa serve`: the service from this source, its first words and its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from casa.cli.serve import Address
from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.model.store import Store
from tests.cli.shell import casa, start
from tests.servers import free_port, is_free, need, until


class Served(NamedTuple):
    """A running `casa serve`, its port, and the two lines it printed last: the link to its pages and a call."""

    process: subprocess.Popen[str]
    port: int
    link: str
    line: str


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port for HTTP; gRPC has another."""
    port = free_port()
    monkeypatch.setenv("CASA_HTTP_PORT", str(port))
    monkeypatch.setenv("CASA_GRPC_PORT", str(free_port()))
    return port


@pytest.fixture
def served(store: Store, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server of this test's own."""
    monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path))
    with start("serve", folder=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        link = next(line for line in process.stdout if line.startswith("http"))
        yield Served(process, port, link, process.stdout.readline())
        process.terminate()


def test_its_last_line_works_as_pasted_and_sigterm_ends_it(served: Served, pricer: Pricer) -> None:
    need("curl", "curl")
    process, port, _, line = served
    answer = json.loads(subprocess.check_output(["sh", "-c", line]))
    assert answer["prediction"] == pytest.approx(pricer.price_one(list(HOUSE.example.values()))[0], abs=1e-4)
    process.send_signal(signal.SIGTERM)
    assert (process.wait(), is_free(port)) == (0, True)


def test_its_link_brings_the_key_to_the_pages(served: Served, tmp_path: Path) -> None:
    key = (tmp_path / "local.key").read_text()
    assert served.link == f"http://127.0.0.1:{served.port}/#key={key}\n"


def test_killed_it_leaves_no_server(served: Served) -> None:
    process, port, _, _ = served
    process.kill()
    until(lambda: is_free(port), seconds=30)


def test_a_taken_port_is_one_sentence(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = casa("serve", "--port", str(port))
    said = f"casa: port {port} of 127.0.0.1 cannot be used (address already in use): choose another by --port\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


def test_without_a_model_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    result = casa("serve")
    assert (result.exit_code, result.stderr) == (
        1,
        "casa: there is no model yet: `make run` or `dvc repro` makes one\n",
    )


def test_a_misspelt_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_HTTP_PRT", "3000")
    result = casa("serve")
    assert (result.exit_code, "did you mean CASA_HTTP_PORT?" in result.stderr) == (1, True)


@pytest.mark.parametrize("tag", ["casa:nowhere", "no-such-bento", "casa:../x"])
def test_an_unknown_bento_is_one_sentence(store: Store, tag: str) -> None:
    result = casa("serve", tag)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"there is no Bento {tag}" in result.stderr


def test_a_strange_address_is_one_sentence() -> None:
    result = casa("serve", "--host", "nowhere.invalid")
    assert result.stderr == "casa: nowhere.invalid is no address of this machine: try --host 127.0.0.1\n"


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1")],
)
def test_an_address_is_told_as_this_machine_calls_it(host: str, url: str) -> None:
    assert Address(host, 1).url == url
