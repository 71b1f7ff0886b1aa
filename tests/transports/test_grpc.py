import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from casa.errors import InvalidSettings
from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.transports.asker import Asker
from casa.transports.desk import Desk
from casa.transports.inference_service import FEW_ROWS
from casa.transports.protos import casa_pb2, open_inference_pb2
from casa.transports.reception import AGING
from casa.transports.rpc import SMALL_BYTES, batch_bytes
from tests.transports.grpc_caller import EXAMPLE, TODAY, GrpcCaller, answering, house, make_server, token

Code = grpc.StatusCode
Line = SimpleQueue[casa_pb2.House | None]
VALUES = [feature.example for feature in HOUSE.features]
PREDICT, BATCH = "/casa.v1.Casa/Predict", "/casa.v1.Casa/PredictBatch"


@pytest.fixture(scope="module")
def caller(pricer: Pricer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcCaller]:
    with answering(pricer, tmp_path_factory.mktemp("grpc"), max_rows=50) as caller:
        yield caller


@pytest.fixture
def own(pricer: Pricer, tmp_path: Path) -> Iterator[GrpcCaller]:
    """A server that a test may stop."""
    with answering(pricer, tmp_path) as caller:
        yield caller


@pytest.fixture
def houses() -> Iterator[Line]:
    """What a caller's stream is fed from; it ends with the test."""
    line: Line = SimpleQueue()
    yield line
    line.put(None)


def told(message: object) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def test_a_price_is_what_json_says_of_the_same_house(caller: GrpcCaller) -> None:
    price = told(caller.casa.Predict(house(), metadata=(*caller.key, ("x-request-id", "mine"))))
    expected = caller.serving.desk.price(VALUES, Asker("mine"))
    assert price.pop("inference_time") > 0  # type: ignore[operator]
    assert price == {name: value for name, value in expected.items() if name != "inference_time"}


def test_optional_features_may_be_left_out(caller: GrpcCaller, pricer: Pricer) -> None:
    price = caller.casa.Predict(house(zn=None, indus=None, chas=None), metadata=caller.key)
    values = [math.nan if feature.optional else feature.example for feature in HOUSE.features]
    assert price.prediction == pricer.price_one(values).price


def test_a_zero_is_no_gap(caller: GrpcCaller) -> None:
    assert caller.casa.Predict(house(crim=0, zn=0), metadata=caller.key).prediction > 0
    error = caller.refusal(caller.casa.Predict, house(crim=None))
    assert (error.code(), error.details()) == (Code.INVALID_ARGUMENT, "crim: Field required")


def test_every_wrong_field_is_named(caller: GrpcCaller) -> None:
    error = caller.refusal(caller.casa.Predict, house(rm=9.5, tax=math.nan))
    sentence = "rm: Input should be less than or equal to 9; tax: Input should be a finite number"
    assert (error.code(), error.details()) == (Code.INVALID_ARGUMENT, sentence)


def test_a_value_outside_the_training_data_is_warned_about(caller: GrpcCaller) -> None:
    (warning,) = caller.casa.Predict(house(crim=99), metadata=caller.key).warnings
    assert (warning.feature, warning.reason) == ("CRIM", "outside training data")


def test_a_bad_house_spoils_only_itself(caller: GrpcCaller) -> None:
    houses = casa_pb2.Houses(instances=[house(), house(rm=9.5), house(zn=math.nan), house()])
    prices = caller.casa.PredictBatch(houses, metadata=caller.key)
    assert [outcome.WhichOneof("outcome") for outcome in prices.outcomes] == ["price", "error", "error", "price"]
    assert prices.outcomes[0].price.prediction == caller.casa.Predict(house(), metadata=caller.key).prediction
    assert prices.outcomes[1].error.detail == "rm: Input should be less than or equal to 9"
    assert list(prices.outcomes[2].error.errors[0].loc) == ["zn"]
    assert prices.model_version == caller.serving.bundle.version


def test_a_batch_without_a_good_house_is_refused(caller: GrpcCaller) -> None:
    error = caller.refusal(caller.casa.PredictBatch, casa_pb2.Houses(instances=[house(rm=2)]))
    sentence = "instances[0].rm: Input should be greater than or equal to 3"
    assert (error.code(), error.details()) == (Code.INVALID_ARGUMENT, sentence)
    assert "At least one" in caller.refusal(caller.casa.PredictBatch, casa_pb2.Houses()).details()


def test_a_batch_over_the_row_limit_is_refused(caller: GrpcCaller) -> None:
    error = caller.refusal(caller.casa.PredictBatch, casa_pb2.Houses(instances=[house()] * 51))
    assert (error.code(), error.details()) == (Code.RESOURCE_EXHAUSTED, "a batch may hold at most 50 houses")


def test_a_stream_has_an_outcome_for_each_house_in_their_order(caller: GrpcCaller) -> None:
    houses = [house(rm=5), house(rm=9.5), house(rm=6)]
    outcomes = list(caller.casa.PredictStream(iter(houses), metadata=caller.key))
    assert [outcome.WhichOneof("outcome") for outcome in outcomes] == ["price", "error", "price"]
    alone = [caller.casa.Predict(houses[place], metadata=caller.key).prediction for place in (0, 2)]
    assert [outcomes[place].price.prediction for place in (0, 2)] == alone


def test_a_houses_shares_add_up_to_its_price(caller: GrpcCaller) -> None:
    explanation = caller.casa.Explain(house(), metadata=caller.key)
    assert set(explanation.contributions) == set(HOUSE.names)
    total = explanation.base_value + sum(explanation.contributions.values())
    assert total == pytest.approx(explanation.prediction, abs=1e-3)


@pytest.mark.parametrize(
    ("metadata", "code", "word"),
    [
        ((), Code.UNAUTHENTICATED, "needs a key"),
        ((("x-api-key", "casa_no"),), Code.UNAUTHENTICATED, "unknown, wrong, expired or revoked key"),
        ((("x-api-key", token("free")), ("authorization", f"Bearer {token('poor')}")), Code.UNAUTHENTICATED, "one"),
        ((("authorization", f"Bearer {token('monitor')}"),), Code.PERMISSION_DENIED, "scope 'predict'"),
    ],
)
def test_only_a_key_for_prices_opens_them(caller: GrpcCaller, metadata: object, code: Code, word: str) -> None:
    error = caller.refusal(caller.casa.Predict, house(), metadata=metadata)
    assert error.code() is code
    assert word in error.details()


def test_a_key_may_come_as_a_bearer_token(caller: GrpcCaller) -> None:
    assert caller.casa.Predict(house(), metadata=(("authorization", f"Bearer {token('free')}"),)).prediction


def test_a_used_up_quota_says_when_to_come_back(own: GrpcCaller) -> None:
    poor = (("x-api-key", token("poor")),)
    _, call = own.casa.Predict.with_call(house(), metadata=poor)
    assert dict(call.trailing_metadata())["ratelimit"] == '"default";r=2;t=60'
    own.casa.PredictBatch(casa_pb2.Houses(instances=[house()] * 200), metadata=poor)
    error = own.refusal(own.casa.Predict, house(), metadata=poor)
    assert error.code() is Code.RESOURCE_EXHAUSTED
    assert dict(error.trailing_metadata())["retry-after"] == "60"


def test_each_house_of_a_stream_is_charged(own: GrpcCaller) -> None:
    outcomes = own.casa.PredictStream(iter([house()] * 5), metadata=(("x-api-key", token("poor")),))
    with pytest.raises(grpc.RpcError) as caught:
        assert [next(outcomes).price.prediction > 0 for _ in range(4)]
    assert caught.value.code() is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", ["Predict", "PredictBatch", "Explain"])
def test_a_call_that_cannot_be_answered_is_charged_all_the_same(own: GrpcCaller, method: str) -> None:
    ask, poor = own.channel.unary_unary(f"/casa.v1.Casa/{method}"), (("x-api-key", token("poor")),)
    codes = [own.refusal(ask, b"\xff", metadata=poor).code() for _ in range(4)]
    assert codes == [Code.INVALID_ARGUMENT] * 3 + [Code.RESOURCE_EXHAUSTED]


@pytest.mark.parametrize("name", ["PredictBatch", "Explain", "ModelInfer"])
def test_a_long_call_that_would_wait_for_too_long_is_refused_and_costs_nothing(own: GrpcCaller, name: str) -> None:
    method, message = {
        "PredictBatch": (own.casa.PredictBatch, casa_pb2.Houses(instances=[house()])),
        "Explain": (own.casa.Explain, house()),
        "ModelInfer": (own.inference.ModelInfer, tensors(rows=FEW_ROWS + 1)),
    }[name]
    backlog, poor = own.serving.turns.backlog, (("x-api-key", token("poor")),)
    backlog.calls += 1_000_000
    assert own.refusal(method, message, metadata=poor).code() is Code.UNAVAILABLE
    assert own.casa.Predict(house(), metadata=poor).prediction > 0
    backlog.calls -= 1_000_000
    method(message, metadata=poor)
    _, call = own.casa.Predict.with_call(house(), metadata=poor)
    assert '"default";r=0;' in dict(call.trailing_metadata())["ratelimit"]


def tensors(*, rows: int) -> open_inference_pb2.ModelInferRequest:
    """The example, as many times."""
    tensor = {"name": "houses", "datatype": "FP64", "shape": [rows, len(VALUES)]}
    raw = [np.array([VALUES] * rows).tobytes()]
    return open_inference_pb2.ModelInferRequest(model_name="casa", inputs=[tensor], raw_input_contents=raw)


def test_an_answer_repeats_the_callers_id(caller: GrpcCaller) -> None:
    _, call = caller.casa.Predict.with_call(house(), metadata=(*caller.key, ("x-request-id", "mine")))
    assert dict(call.trailing_metadata())["x-request-id"] == "mine"


def test_a_failure_repeats_the_callers_id(caller: GrpcCaller) -> None:
    error = caller.refusal(caller.casa.Predict, house(rm=2), metadata=(*caller.key, ("x-request-id", "mine")))
    assert dict(error.trailing_metadata())["x-request-id"] == "mine"


def test_bytes_that_are_no_message_are_told_so(caller: GrpcCaller) -> None:
    error = caller.refusal(lambda content, **_: caller.raw(PREDICT, content), b"\xff\xff")
    assert (error.code(), error.details()) == (Code.INVALID_ARGUMENT, "these bytes are no casa.v1.House")


def test_a_message_over_the_limit_is_refused(caller: GrpcCaller) -> None:
    for limit in (SMALL_BYTES, caller.serving.settings.max_batch_bytes):
        error = caller.refusal(lambda content, **_: caller.raw(PREDICT, content), bytes(limit + 1))
        assert error.code() is Code.RESOURCE_EXHAUSTED


def test_a_message_that_would_take_seventy_times_as_much_memory_is_not_read(caller: GrpcCaller) -> None:
    error = caller.refusal(lambda content, **_: caller.raw(BATCH, content), b"\n\0" * 1_000_000)
    assert (error.code(), error.details()) == (
        Code.RESOURCE_EXHAUSTED,
        f"a message to this method may hold at most {batch_bytes(caller.serving.settings):,} bytes",
    )


def test_a_method_that_is_not_there_is_unimplemented(caller: GrpcCaller) -> None:
    for method in ("/casa.v1.Casa/Haggle", "/casa.v2.Casa/Predict", "/x"):
        error = caller.refusal(lambda content, method=method, **_: caller.raw(method, content), b"")
        assert (error.code(), error.details()) == (Code.UNIMPLEMENTED, "this server has no such method")


@settings(deadline=None)
@given(st.sampled_from(["Predict", "PredictBatch", "Explain"]), st.binary(max_size=200))
def test_hostile_bytes_are_refused_by_name(caller: GrpcCaller, method: str, content: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        caller.raw(f"/casa.v1.Casa/{method}", content)
    assert caught.value.code() is Code.INVALID_ARGUMENT


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(EXAMPLE)), st.floats()))
def test_hostile_houses_are_priced_or_refused_by_name(caller: GrpcCaller, values: dict[str, float]) -> None:
    try:
        assert caller.casa.Predict(house(**values), metadata=caller.key).prediction >= 0
    except grpc.RpcError as error:
        assert error.code() is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["Predict", "PredictStream"])
def test_a_bug_is_told_as_one_sentence_and_logged(
    method: str, pricer: Pricer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(pricer, tmp_path, desk=Desk(pricer, clock=lambda: 1 / 0)) as caller:
        ask = getattr(caller.casa, method)
        error = caller.refusal(ask, house() if method == "Predict" else iter([house()]))
    assert (error.code(), error.details().partition(";")[0]) == (Code.INTERNAL, "something went wrong on our side")
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_bug_before_a_call_is_read_is_told_the_same_way(pricer: Pricer, tmp_path: Path) -> None:
    with answering(pricer, tmp_path, clock=lambda: 1 / 0) as caller:  # type: ignore[arg-type,return-value]
        assert caller.refusal(caller.casa.Predict, house()).code() is Code.INTERNAL


def test_bytes_that_are_no_message_end_a_stream(caller: GrpcCaller) -> None:
    stream = caller.channel.stream_stream("/casa.v1.Casa/PredictStream")
    error = caller.refusal(stream, iter([b"\xff"]))
    assert (error.code(), error.details()) == (Code.INVALID_ARGUMENT, "these bytes are no casa.v1.House")


def test_health_is_told_to_everybody(caller: GrpcCaller) -> None:
    stub = health_pb2_grpc.HealthStub(caller.channel)
    for service in ("", "casa.v1.Casa", "inference.GRPCInferenceService"):
        status = stub.Check(health_pb2.HealthCheckRequest(service=service)).status
        assert status == health_pb2.HealthCheckResponse.SERVING
    assert caller.refusal(stub.Check, health_pb2.HealthCheckRequest(service="x")).code() is Code.NOT_FOUND


def test_those_who_watch_hear_of_the_drain(own: GrpcCaller) -> None:
    stub = health_pb2_grpc.HealthStub(own.channel)
    states = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
    assert next(states).status == health_pb2.HealthCheckResponse.SERVING
    own.drain()
    assert next(states).status == health_pb2.HealthCheckResponse.NOT_SERVING
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="x"), timeout=10)
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_shows_the_services_to_who_may_predict(caller: GrpcCaller, version: str) -> None:
    ask = caller.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = ask(iter([question]), metadata=caller.key)
    assert "casa.v1.Casa" in {service.name for service in answer.list_services_response.service}
    assert caller.refusal(ask, iter([question]), metadata=()).code() is Code.UNAUTHENTICATED


def test_reflection_describes_a_service(caller: GrpcCaller) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    question = reflection_pb2.ServerReflectionRequest(file_containing_symbol="casa.v1.Casa")
    (answer,) = stub.ServerReflectionInfo(iter([question]), metadata=caller.key)
    assert b"PredictStream" in answer.file_descriptor_response.file_descriptor_proto[0]


def test_a_draining_server_answers_whoever_is_connected_still(own: GrpcCaller, houses: Line) -> None:
    houses.put(house())
    outcomes = own.casa.PredictStream(iter(houses.get, None), metadata=own.key)
    assert next(outcomes).price.prediction > 0
    own.drain()
    assert own.casa.Predict(house(), metadata=own.key).prediction > 0
    houses.put(house())
    assert next(outcomes).price.prediction > 0


def test_once_connections_have_aged_a_draining_server_takes_no_new_call(pricer: Pricer, tmp_path: Path) -> None:
    clock = SimpleNamespace(now=TODAY)
    with answering(pricer, tmp_path, clock=lambda: clock.now) as own:
        own.drain()
        clock.now += AGING - timedelta(milliseconds=1)
        assert own.casa.Predict(house(), metadata=own.key).prediction > 0
        clock.now += timedelta(milliseconds=1)
        own.drain()  # once more changes nothing
        assert own.refusal(own.casa.Predict, house()).code() is Code.UNAVAILABLE


def test_a_stopping_server_ends_silent_streams_with_a_word(own: GrpcCaller, houses: Line) -> None:
    houses.put(house())
    outcomes = own.casa.PredictStream(iter(houses.get, None), metadata=own.key)
    assert next(outcomes).price.prediction > 0
    own.stop()
    error = own.refusal(lambda *_, **__: outcomes, None)
    assert (error.code(), "open the stream again" in error.details()) == (Code.UNAVAILABLE, True)


def test_a_taken_port_is_refused_with_a_sentence(own: GrpcCaller) -> None:
    second = own.portal.call(make_server, own.serving)
    sentence = f"port {own.port} of 127.0.0.1 cannot be opened for gRPC; set CASA_GRPC_PORT"
    with pytest.raises(InvalidSettings, match=sentence):
        own.portal.call(second.start, "127.0.0.1", own.port)
