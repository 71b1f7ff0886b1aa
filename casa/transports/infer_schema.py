"""The shapes of the Open Inference Protocol over HTTP, as callers see them; `infer_body` reads and writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from casa.house import HOUSE
from casa.transports.inference import OUTPUTS
from casa.transports.tensor import DATATYPES, HOUSES, OUTPUT

Size = Annotated[int, Field(ge=0)]
Numbers = list[float | None]
OutputName = Annotated[str, Field(json_schema_extra={"enum": list(OUTPUTS)})]
OPTIONAL = ", ".join(feature.name for feature in HOUSE.features if feature.optional)


class Refusal(BaseModel):
    """Why a call of the Open Inference Protocol failed."""

    error: str


class Live(BaseModel):
    """The process answers."""

    live: bool


class Ready(Live):
    """New callers are welcome."""

    ready: bool


class ServerFacts(BaseModel):
    """What this server is."""

    name: str
    version: str
    extensions: list[str]


class ModelNames(BaseModel):
    """The models that are served."""

    models: list[str]


class ModelReady(BaseModel):
    """The model takes callers."""

    name: str
    ready: bool


class TensorFacts(BaseModel):
    """An input or output of the model; -1 in its shape stands for any number of houses."""

    name: str
    datatype: str
    shape: list[int]


class InferModel(BaseModel):
    """The model's inputs and outputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]
    properties: Annotated[
        dict[str, str], Field(description="The order of the columns, what may be missing, what a price is.")
    ]


class BinarySize(BaseModel):
    """How many bytes of a tensor follow the JSON, in the order of the tensors."""

    binary_data_size: Annotated[int | None, Field(ge=0)] = None


class InferInput(BaseModel):
    """Houses, all features in one tensor or one tensor a feature; its numbers are in `data` or follow the JSON."""

    name: Annotated[
        str,
        Field(
            description=f"{HOUSES}, with all features in the model's order, or one feature.",
            json_schema_extra={"enum": [HOUSES, *HOUSE.names]},
        ),
    ]
    datatype: Annotated[str, Field(json_schema_extra={"enum": list(DATATYPES)})]
    shape: Annotated[
        list[Size],
        Field(
            min_length=1,
            max_length=2,
            description=f"[n, {len(HOUSE.names)}] for {HOUSES}; [n] or [n, 1] for one feature.",
        ),
    ]
    parameters: BinarySize | None = None
    data: Annotated[
        Numbers | list[Numbers] | None, Field(description=f"Flat or in rows; null where {OPTIONAL} are left out.")
    ] = None


class OutputForm(BaseModel):
    """How an output is wanted."""

    model_config = ConfigDict(extra="forbid")

    binary_data: Annotated[bool | None, Field(description="As bytes after the JSON?")] = None


class InferOutput(BaseModel):
    """An output that is wanted."""

    name: OutputName
    parameters: OutputForm | None = None


class InferForm(BaseModel):
    """How outputs are wanted that do not say so themselves."""

    binary_data_output: Annotated[bool, Field(description="As bytes after the JSON?")] = False


class InferRequest(BaseModel):
    """Houses to price, as tensors. Other names may stand beside these, and mean nothing here."""

    id: str | None = None
    parameters: InferForm | None = None
    inputs: list[InferInput]
    outputs: Annotated[list[InferOutput] | None, Field(description="All of them, if none is named.")] = None


class OutputTensor(BaseModel):
    """An output, a number for each house, in thousands of US dollars: in `data`, or as bytes after the JSON."""

    name: OutputName
    shape: Annotated[list[Size], Field(min_length=1, max_length=1)]
    datatype: Annotated[str, Field(json_schema_extra={"enum": [OUTPUT]})]
    parameters: BinarySize | None = None
    data: list[float] | None = None


class InferAnswer(BaseModel):
    """The outputs that were asked for."""

    model_name: str
    model_version: str
    id: Annotated[str, Field(description="The request's own, or X-Request-Id.")]
    outputs: list[OutputTensor]
