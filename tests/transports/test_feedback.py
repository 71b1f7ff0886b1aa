"""What houses sold for, over HTTP in both modes and over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import casa
from casa.errors import NotFound
from casa.model.pricer import Pricer
from casa.transports.http import Front
from casa.transports.protos.casa_pb2 import Sale, Sold
from casa.transports.protos.casa_pb2_grpc import CasaStub
from tests.live import Live, live
from tests.transports.caller import EXAMPLE, Caller, unstarted
from tests.transports.grpc_caller import TODAY, answering, house, token


@pytest.fixture(scope="module")
def running(store_home: Path) -> Iterator[Live]:
    with live(store_home) as running:
        yield running


@pytest.fixture
def stub(running: Live) -> Iterator[CasaStub]:
    """gRPC's way in."""
    with grpc.insecure_channel(running.grpc) as channel:
        yield CasaStub(channel)


def give(caller: Caller, **changes: Any) -> Any:
    sale = {"request_id": "nobody", "price": 25.0, **changes}
    return caller.post("/feedback", {name: value for name, value in sale.items() if value is not None})


def test_a_price_is_taken_at_once_and_may_be_replaced(caller: Caller) -> None:
    request_id = caller.predict().json()["request_id"]
    first, second = (give(caller, request_id=request_id, price=price) for price in (25, 26.5))
    assert first.json() == {"request_id": request_id, "row": 0, "price": 25.0, "replaced": False}
    assert second.json() == {"request_id": request_id, "row": 0, "price": 26.5, "replaced": True}


def test_a_row_of_a_batch_has_its_place_in_the_call(caller: Caller) -> None:
    request_id = caller.batch({"RM": 1}, EXAMPLE).json()["request_id"]
    assert [give(caller, request_id=request_id, row=row).status_code for row in (1, 0)] == [200, 404]


def test_an_unknown_id_is_not_found(caller: Caller) -> None:
    answer = give(caller)
    assert (answer.status_code, answer.json()["detail"]) == (404, "no price is known by this request id and row")


@pytest.mark.parametrize(
    ("changes", "loc", "kind"),
    [
        ({"price": 0}, ["price"], "greater_than"),
        ({"price": 1000.5}, ["price"], "less_than_equal"),
        ({"price": "25"}, ["price"], "float_type"),
        ({"price": None}, ["price"], "missing"),
        ({"request_id": "a b"}, ["request_id"], "string_pattern_mismatch"),
        ({"request_id": None}, ["request_id"], "missing"),
        ({"row": -1}, ["row"], "greater_than_equal"),
        ({"row": 2**31}, ["row"], "less_than_equal"),
        ({"row": True}, ["row"], "int_type"),
        ({"colour": 1}, ["colour"], "extra_forbidden"),
        ({"<b>": 1}, [], "extra_forbidden"),
    ],
)
def test_a_sale_that_breaks_the_rules_is_told_why(caller: Caller, changes: Any, loc: list[str], kind: str) -> None:
    answer = give(caller, **changes)
    flaws = [(flaw["loc"], flaw["type"]) for flaw in answer.json()["errors"]]
    assert (answer.status_code, flaws) == (422, [(loc, kind)])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b'{"request_id": "a", "price": NaN}', 400),
        (b"[]", 422),
        (b'{"request_id": "a", "price": 1, "price": 2}', 422),
    ],
)
def test_a_body_that_is_no_sale_is_refused(caller: Caller, body: bytes, status: int) -> None:
    assert caller.post("/feedback", body).status_code == status


def test_a_price_is_taken_over_grpc_as_well(running: Live, stub: CasaStub) -> None:
    key = (("x-api-key", running.key),)
    request_id = stub.Predict(house(), metadata=key).request_id
    sold = [stub.Feedback(Sale(request_id=request_id, price=price), metadata=key) for price in (25, 26)]
    assert sold == [Sold(request_id=request_id, price=25), Sold(request_id=request_id, price=26, replaced=True)]


def test_every_house_of_a_stream_has_its_row(running: Live, stub: CasaStub) -> None:
    key = (("x-api-key", running.key), ("x-request-id", "a-stream"))
    assert len(list(stub.PredictStream(iter([house(rm=1), house()]), metadata=key))) == 2
    assert stub.Feedback(Sale(request_id="a-stream", row=1, price=25), metadata=key).row == 1
    with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
        stub.Feedback(Sale(request_id="a-stream", row=0, price=25), metadata=key)


def test_a_sale_without_a_price_is_refused_over_grpc(running: Live, stub: CasaStub) -> None:
    with pytest.raises(grpc.RpcError, match="price: Field required"):
        stub.Feedback(Sale(request_id="a"), metadata=(("x-api-key", running.key),))


def test_the_client_gives_feedback(running: Live) -> None:
    with casa.Client(running.address, key=running.key) as client:
        request_id = client.predict(EXAMPLE).request_id
        assert client.give_feedback(request_id, 25.0).replaced is False
        with pytest.raises(NotFound):
            client.give_feedback(request_id, 25.0, row=1)


def test_a_key_for_predictions_gives_no_feedback(pricer: Pricer, tmp_path: Path) -> None:
    with answering(pricer, tmp_path) as server:
        error = server.refusal(server.casa.Feedback, Sale(request_id="a", price=1))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        front = Front(nowhere, now=lambda: TODAY)
        front.open(server.serving)
        with unstarted(front) as caller:
            answer = caller.post("/feedback", {"request_id": "a", "price": 1}, x_api_key=token("free"))
    assert (answer.status_code, "'feedback'" in answer.json()["detail"]) == (403, True)


async def nowhere(*_: object) -> None:
    """In BentoML's place."""
