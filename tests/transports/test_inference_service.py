from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.transports.inference_service import CONTENTS
from casa.transports.protos import open_inference_pb2 as pb
from pipeline.train import Rows
from tests.transports.grpc_caller import GrpcCaller, answering, token

Code = grpc.StatusCode
VALUES = [feature.example for feature in HOUSE.features]
RAW = np.array(VALUES).tobytes()


@pytest.fixture(scope="module")
def caller(pricer: Pricer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcCaller]:
    with answering(pricer, tmp_path_factory.mktemp("grpc"), max_rows=600) as caller:
        yield caller


def tensor(name: str = "houses", *, datatype: str = "FP64", shape: tuple[int, ...] = (1, 13), **contents: Any) -> Any:
    held = pb.InferTensorContents(**contents) if contents else None
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape, contents=held)


def request(*tensors: Any, raw: tuple[bytes, ...] = (), **more: Any) -> pb.ModelInferRequest:
    return pb.ModelInferRequest(**{"model_name": "casa", "inputs": tensors, "raw_input_contents": raw, **more})


def listed(caller: GrpcCaller, asked: pb.ModelInferRequest) -> dict[str, list[float]]:
    answer = caller.inference.ModelInfer(asked, metadata=caller.key)
    assert not answer.raw_output_contents
    return {output.name: list(output.contents.fp64_contents) for output in answer.outputs}


def refused(caller: GrpcCaller, asked: pb.ModelInferRequest) -> str:
    error = caller.refusal(caller.inference.ModelInfer, asked)
    assert error.code() is Code.INVALID_ARGUMENT
    return str(error.details())


def test_health_is_told_to_everybody(caller: GrpcCaller) -> None:
    assert caller.inference.ServerLive(pb.ServerLiveRequest()).live
    assert caller.inference.ServerReady(pb.ServerReadyRequest()).ready
    assert caller.inference.ModelReady(pb.ModelReadyRequest(name="casa")).ready


def test_a_draining_server_lives_and_is_not_ready(pricer: Pricer, tmp_path: Path) -> None:
    with answering(pricer, tmp_path) as caller:
        caller.drain()
        assert caller.inference.ServerLive(pb.ServerLiveRequest()).live
        assert not caller.inference.ServerReady(pb.ServerReadyRequest()).ready
        assert not caller.inference.ModelReady(pb.ModelReadyRequest(name="casa")).ready


@pytest.mark.parametrize(("name", "version"), [("other", ""), ("", ""), ("casa", "1")])
def test_a_model_that_is_not_served_is_not_found(caller: GrpcCaller, name: str, version: str) -> None:
    ready, metadata = pb.ModelReadyRequest, pb.ModelMetadataRequest
    infer = request(tensor(), raw=(RAW,), model_name=name, model_version=version)
    calls = (caller.inference.ModelReady, caller.inference.ModelMetadata, caller.inference.ModelInfer)
    asked = (ready(name=name, version=version), metadata(name=name, version=version), infer)
    assert {caller.refusal(*pair).code() for pair in zip(calls, asked, strict=True)} == {Code.NOT_FOUND}


def test_the_server_and_the_model_are_described_to_who_may_predict(caller: GrpcCaller) -> None:
    server = caller.inference.ServerMetadata(pb.ServerMetadataRequest(), metadata=caller.key)
    model = caller.inference.ModelMetadata(pb.ModelMetadataRequest(name="casa"), metadata=caller.key)
    assert (server.name, list(server.extensions)) == ("casa", ["binary_tensor_data"])
    assert [(one.name, one.datatype, list(one.shape)) for one in model.inputs] == [("houses", "FP64", [-1, 13])]
    assert (list(model.versions), len(model.outputs)) == ([caller.serving.bundle.version], 3)
    error = caller.refusal(caller.inference.ServerMetadata, pb.ServerMetadataRequest(), metadata=())
    assert error.code() is Code.UNAUTHENTICATED


def test_lists_are_answered_with_lists(caller: GrpcCaller, pricer: Pricer, table: Rows) -> None:
    count = len(table.houses)
    asked = request(tensor(shape=(count, 13), fp64_contents=table.houses.ravel()))
    assert listed(caller, asked) == {name: one.tolist() for name, one in pricer.price(table.houses)._asdict().items()}


def test_bytes_are_answered_with_bytes(caller: GrpcCaller) -> None:
    answer = caller.inference.ModelInfer(request(tensor(), raw=(RAW,), id="mine"), metadata=caller.key)
    expected = listed(caller, request(tensor(fp64_contents=VALUES)))
    assert [np.frombuffer(one).tolist() for one in answer.raw_output_contents] == list(expected.values())
    assert not any(output.HasField("contents") for output in answer.outputs)
    assert (answer.id, answer.model_version) == ("mine", caller.serving.bundle.version)


def test_features_may_come_one_by_one_and_in_any_numeric_type(caller: GrpcCaller) -> None:
    tensors = [tensor(name, shape=(1,), fp64_contents=[value]) for name, value in HOUSE.example.items()]
    whole = [one for one in tensors if one.name != "TAX"] + [
        tensor("TAX", datatype="INT32", shape=(1, 1), int_contents=[296])
    ]
    assert listed(caller, request(*whole)) == listed(caller, request(tensor(fp64_contents=VALUES)))


@pytest.mark.parametrize("datatype", CONTENTS)
def test_each_datatype_has_its_field(caller: GrpcCaller, datatype: str) -> None:
    contents = {CONTENTS[datatype]: [3]}
    others = [tensor(name, shape=(1,), fp64_contents=[value]) for name, value in HOUSE.example.items() if name != "RAD"]
    assert listed(caller, request(tensor("RAD", datatype=datatype, shape=(1,), **contents), *others))["price"]


def test_only_wanted_outputs_come(caller: GrpcCaller) -> None:
    wanted = [pb.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in ("high", "price")]
    assert list(listed(caller, request(tensor(fp64_contents=VALUES), outputs=wanted))) == ["high", "price"]


def test_bytes_and_lists_cannot_be_mixed(caller: GrpcCaller) -> None:
    assert "either in its contents" in refused(caller, request(tensor(fp64_contents=VALUES), raw=(RAW,)))
    assert "1 inputs have 2 raw" in refused(caller, request(tensor(), raw=(RAW, RAW)))
    assert "13 numbers, its data 0" in refused(caller, request(tensor(fp32_contents=VALUES)))
    assert "sent as raw" in refused(caller, request(tensor(datatype="FP16", fp32_contents=VALUES)))


def test_a_value_out_of_range_is_named_by_row_and_feature(caller: GrpcCaller) -> None:
    wrong = request(tensor(fp64_contents=[*VALUES[:5], 9.5, *VALUES[6:]]))
    assert refused(caller, wrong) == "row 0, RM: Input should be less than or equal to 9"


def test_every_house_is_charged(pricer: Pricer, tmp_path: Path) -> None:
    with answering(pricer, tmp_path) as caller:
        asked = request(tensor(shape=(301, 13)), raw=(RAW * 301,))
        error = caller.refusal(caller.inference.ModelInfer, asked, metadata=(("x-api-key", token("poor")),))
    assert error.code() is Code.RESOURCE_EXHAUSTED
    assert "this call costs 3.01 calls, the quota is 3/minute" in error.details()


def test_too_many_houses_are_refused(caller: GrpcCaller) -> None:
    error = caller.refusal(caller.inference.ModelInfer, request(tensor(shape=(601, 13)), raw=(RAW * 601,)))
    assert error.code() is Code.RESOURCE_EXHAUSTED


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_by_name(caller: GrpcCaller, content: bytes) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        caller.raw("/inference.GRPCInferenceService/ModelInfer", content)
    assert caught.value.code() in (Code.INVALID_ARGUMENT, Code.NOT_FOUND)
