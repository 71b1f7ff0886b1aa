"""With CASA_JOURNAL=durable, what is answered is on disk, whatever the way it was asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from casa.house import HOUSE
from casa.transports.protos.casa_pb2_grpc import CasaStub
from tests.live import Live, live
from tests.transports.grpc_caller import house

TENSOR = {"name": "houses", "shape": [1, 13], "datatype": "FP64", "data": list(HOUSE.example.values())}
CALLS: dict[str, Any] = {
    "/predict": HOUSE.example,
    "/predict/batch": {"instances": [HOUSE.example]},
    "/explain": HOUSE.example,
    "/v2/models/casa/infer": {"inputs": [TENSOR]},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("durable") / "casa.db"


@pytest.fixture(scope="module", params=["true", "false"])
def service(request: pytest.FixtureRequest, store_home: Path, file: Path) -> Iterator[Live]:
    """The service in each of its two modes."""
    with live(store_home, journal="durable", database_url=f"sqlite:///{file}", hot_path=request.param) as service:
        yield service


@pytest.fixture
def stub(service: Live) -> Iterator[CasaStub]:
    """gRPC's way in."""
    with grpc.insecure_channel(service.grpc) as channel:
        yield CasaStub(channel)


def rows(file: Path, request_id: str) -> int:
    """How many rows of a call are on disk now."""
    with closing(sqlite3.connect(file)) as database:
        query = "SELECT count(*) FROM predictions WHERE request_id = ?"
        return int(database.execute(query, (request_id,)).fetchone()[0])


@pytest.mark.parametrize("path", CALLS)
def test_http_answers_what_is_on_disk(service: Live, file: Path, path: str) -> None:
    answer = httpx.post(service.address + path, json=CALLS[path], headers={"x-api-key": service.key})
    assert (answer.status_code, rows(file, answer.headers["x-request-id"])) == (200, 1)


def test_grpc_answers_what_is_on_disk(service: Live, stub: CasaStub, file: Path) -> None:
    price = stub.Predict(house(), metadata=(("x-api-key", service.key),))
    assert rows(file, price.request_id) == 1


def test_a_stream_tells_what_is_on_disk(service: Live, stub: CasaStub, file: Path) -> None:
    outcomes = stub.PredictStream(iter([house()] * 5), metadata=(("x-api-key", service.key),))
    seen = [rows(file, outcome.price.request_id) for outcome in outcomes]
    assert all(count > place for place, count in enumerate(seen))
    assert seen[-1] == 5


def test_a_call_that_was_kept_is_not_written_again(service: Live, file: Path) -> None:
    headers = {"x-api-key": service.key}
    ids = [
        httpx.post(f"{service.address}/predict", json=HOUSE.example, headers=headers).json()["request_id"]
        for _ in range(3)
    ]
    httpx.get(f"{service.address}/metrics").raise_for_status()  # what was answered is passed on
    httpx.post(f"{service.address}/predict", json=HOUSE.example, headers=headers)  # and what waits is written
    assert [rows(file, request_id) for request_id in ids] == [1, 1, 1]
