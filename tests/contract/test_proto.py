import sys
from pathlib import Path
from subprocess import run

import pytest
from google.protobuf.descriptor import Descriptor

from casa.house import HOUSE
from casa.sale import Sale
from casa.transports import protos, schema
from casa.transports.protos import casa_pb2, open_inference_pb2

FOLDER = Path(protos.__file__).parent
PROJECT = FOLDER.parents[2]
GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")

SHAPES = {
    "Price": schema.Price,
    "Interval": schema.Interval,
    "Warning": schema.Caution,
    "Explanation": schema.Explanation,
    "Flaw": schema.Flaw,
    "Sale": Sale,
    "Sold": schema.Sold,
}


def names(message: Descriptor) -> list[str]:
    return [field.name for field in message.fields]


def test_a_house_is_the_declarations() -> None:
    fields = casa_pb2.House.DESCRIPTOR.fields
    assert names(casa_pb2.House.DESCRIPTOR) == [name.lower() for name in HOUSE.names]
    assert [field.number for field in fields] == list(range(1, len(HOUSE.names) + 1))
    assert {field.type for field in fields} == {fields[0].TYPE_DOUBLE}


def test_a_number_left_out_is_told_from_a_zero() -> None:
    assert all(field.has_presence for field in casa_pb2.House.DESCRIPTOR.fields)
    first, second, third = [feature.name for feature in HOUSE.features if feature.optional]
    assert f"{first}, {second} and {third} may be left out" in (FOLDER / "casa.proto").read_text()


@pytest.mark.parametrize("message", SHAPES)
def test_fields_have_the_names_and_the_order_of_json(message: str) -> None:
    assert names(casa_pb2.DESCRIPTOR.message_types_by_name[message]) == list(SHAPES[message].model_fields)


def test_a_batch_is_json_with_an_outcome_a_row() -> None:
    told = [name for name in schema.Prices.model_fields if name not in ("predictions", "errors")]
    assert names(casa_pb2.Prices.DESCRIPTOR) == ["outcomes", *told]
    assert names(casa_pb2.Houses.DESCRIPTOR) == list(schema.Houses.model_fields)
    assert [field.name for field in casa_pb2.Outcome.DESCRIPTOR.oneofs[0].fields] == ["price", "error"]


def test_the_services_have_the_methods_of_the_contract() -> None:
    casa, oip = casa_pb2.DESCRIPTOR.services_by_name["Casa"], open_inference_pb2.DESCRIPTOR.services_by_name
    methods = ["Predict", "PredictBatch", "PredictStream", "Explain", "Feedback"]
    assert [method.name for method in casa.methods] == methods
    assert len(oip["GRPCInferenceService"].methods) == 6


def test_what_is_committed_is_what_the_protos_give(tmp_path: Path) -> None:
    sources = [str(path.relative_to(PROJECT)) for path in sorted(FOLDER.glob("*.proto"))]
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *sources], cwd=PROJECT, check=True)
    made = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {path.name: path.read_text() for path in FOLDER.iterdir() if path.name.endswith(GENERATED)}
