"""`casa ask`: what it says of a running service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import casa
from tests.live import Live, live
from tests.servers import free_port


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    with live(store_home) as service:
        yield service


@pytest.fixture(autouse=True)
def key(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_API_KEY", service.key)


def test_both_ways_give_one_price(service: Live) -> None:
    result = casa("ask", service.address, "--grpc", service.grpc)
    lines = [line.split(" answers ") for line in result.stdout.splitlines()]
    assert (result.exit_code, [address for address, _ in lines]) == (0, [service.address, service.grpc])
    assert len({price for _, price in lines}) == 1


@pytest.mark.parametrize("ways", [1, 2])
def test_a_wrong_key_is_a_sentence(service: Live, monkeypatch: pytest.MonkeyPatch, ways: int) -> None:
    monkeypatch.setenv("CASA_API_KEY", "nobody")
    result = casa("ask", service.address, *["--grpc", service.grpc][: 2 * (ways - 1)])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)


def test_an_address_where_no_grpc_answers_is_named(service: Live) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    result = casa("ask", service.address, "--grpc", nowhere)
    assert (result.exit_code, result.stderr.startswith(f"casa: {nowhere} answers ")) == (1, True)
