"""`casa monitoring`: what it shows of a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from casa.house import HOUSE
from tests.cli.shell import at_terminal, casa
from tests.live import Live, live
from tests.servers import until


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    """One that has priced a house, and knows it."""
    with live(store_home) as service, httpx.Client(base_url=service.address, headers={"x-api-key": service.key}) as ask:
        ask.post("/predict", json=HOUSE.example).raise_for_status()
        until(lambda: ask.get("/monitoring").json()["predictions"] == 1)
        yield service


@pytest.fixture(autouse=True)
def key(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_API_KEY", service.key)


def test_a_pipe_gets_what_the_service_says(service: Live) -> None:
    shown = json.loads(casa("monitoring", "--url", service.address).stdout)
    assert (shown["predictions"], shown["feedback"]["count"], shown["feedback"]["rmse"]) == (1, 0, None)


def test_a_terminal_gets_a_table(service: Live, tmp_path: Path) -> None:
    code, shown = at_terminal("monitoring", "--url", service.address, folder=tmp_path)
    lines = dict(line.strip().split("  ", 1) for line in shown.splitlines() if "  " in line.strip())
    assert (code, lines["predictions"].strip(), lines["rmse"].strip()) == (0, "1", "—")


def test_a_wrong_key_is_a_sentence(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_API_KEY", "nobody")
    result = casa("monitoring", "--url", service.address)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
