"""`casa drift`: what it shows of a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from casa.house import HOUSE
from casa.settings import PREFIX
from tests.cli.shell import at_terminal, casa
from tests.live import Live, live
from tests.servers import free_port


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    """One that has priced a large house with no ZN, and tells only those with its key about it."""
    with live(store_home, open_monitoring="false") as service:
        house = {**HOUSE.example, "RM": 8.9, "ZN": None}
        httpx.post(f"{service.address}/predict", json=house, headers={"x-api-key": service.key}).raise_for_status()
        yield service


@pytest.fixture
def key(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_API_KEY", service.key)


def test_a_pipe_gets_what_the_service_says(service: Live, key: None) -> None:
    shown = json.loads(casa("drift", "--url", service.address).stdout)
    assert shown == httpx.get(f"{service.address}/drift", headers={"x-api-key": service.key}).json()
    assert shown["rows"] == 1


def test_a_terminal_gets_a_table_with_bars(
    service: Live, key: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, shown = at_terminal("drift", "--url", service.address, folder=tmp_path)
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert code == 0
    assert lines["RM"][-1] == "▁▁▁▁▁▁▁▁▁█▁"
    assert (lines["ZN"][1], lines["ZN"][4]) == ("—", "100%")
    assert "1 houses, too few to tell" in shown


def test_the_service_of_this_machine_is_asked_by_its_port(
    service: Live, key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}HTTP_PORT", service.address.rpartition(":")[2])
    assert casa("drift").exit_code == 0


def test_a_service_that_wants_a_key_says_so(service: Live) -> None:
    result = casa("drift", "--url", service.address)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "needs a key" in result.stderr


def test_where_nothing_is_served_one_sentence_says_so() -> None:
    result = casa("drift", "--url", f"http://127.0.0.1:{free_port()}")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("casa: the server cannot be reached")
