"""The routes of the Open Inference Protocol, as their callers see them."""

from __future__ import annotations

from pydantic import BaseModel

from casa.house import HOUSE
from casa.model import bundle
from casa.transports.infer_schema import (
    InferAnswer,
    InferModel,
    InferRequest,
    Live,
    ModelNames,
    ModelReady,
    Ready,
    Refusal,
    ServerFacts,
)
from casa.transports.operations import LOCKED, JsonObject, Operation
from casa.transports.protocol import ROOT, is_open
from casa.transports.tensor import HOUSES, OUTPUT

Statuses = tuple[int, ...]

MODEL = f"{ROOT}/models/{bundle.NAME}"
VERSION = f"{MODEL}/versions/{{version}}"
BROKEN = (500, 503)
"""How any call may fail that asks for the model."""
CALLING = tuple(sorted((400, 408, 411, 413, 415, *LOCKED, *BROKEN)))
"""How a call for prices may fail."""
BINARY = (
    "Tensors may be sent as little-endian bytes after the JSON: `Inference-Header-Content-Length` is then the length"
    " of the JSON, and `binary_data_size` of each such input how many bytes are its own. Outputs that are asked for by"
    " `binary_data` or `binary_data_output` come back in the same form."
)
EXAMPLE: JsonObject = {
    "inputs": [
        {
            "name": HOUSES,
            "shape": [1, len(HOUSE.names)],
            "datatype": OUTPUT,
            "data": [feature.example for feature in HOUSE.features],
        }
    ]
}


def _read(path: str, name: str, *, summary: str, answer: type[BaseModel], failures: Statuses) -> Operation:
    if is_open(path):
        return Operation(path, name, summary, answer, failures, refusal=Refusal)
    return Operation(path, name, summary, answer, tuple(sorted((*LOCKED, *failures))), scope="predict", refusal=Refusal)


def _infer(path: str, name: str, *, summary: str, failures: Statuses) -> Operation:
    return Operation(
        path,
        name,
        summary,
        InferAnswer,
        failures,
        InferRequest,
        EXAMPLE,
        scope="predict",
        note=BINARY,
        refusal=Refusal,
        binary=True,
    )


def _about(root: str, suffix: str, *, which: str, failures: Statuses) -> tuple[Operation, ...]:
    """What can be asked of the model, under one of its addresses."""
    return (
        _read(
            root,
            f"infer_model{suffix}",
            summary=f"The model's inputs and outputs{which}",
            answer=InferModel,
            failures=failures,
        ),
        _read(
            f"{root}/ready",
            f"infer_model_ready{suffix}",
            summary=f"Whether the model takes callers{which}",
            answer=ModelReady,
            failures=failures,
        ),
        _infer(
            f"{root}/infer",
            f"infer{suffix}",
            summary=f"The prices of houses as tensors{which}",
            failures=tuple(sorted({*CALLING, *failures})),
        ),
    )


OPERATIONS = (
    _read(
        ROOT,
        "infer_server",
        summary=f"What this server is, for the Open Inference Protocol; {ROOT}/, too",
        answer=ServerFacts,
        failures=BROKEN,
    ),
    _read(f"{ROOT}/health/live", "infer_live", summary="Is the process alive?", answer=Live, failures=(500,)),
    _read(f"{ROOT}/health/ready", "infer_ready", summary="Is it ready for callers?", answer=Ready, failures=BROKEN),
    _read(f"{ROOT}/models", "infer_models", summary="The models that are served", answer=ModelNames, failures=BROKEN),
    *_about(MODEL, "", which="", failures=BROKEN),
    *_about(VERSION, "_version", which="; by its version", failures=(404, *BROKEN)),
)
