"""The Open Inference Protocol over gRPC, as pure translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from casa.errors import MalformedRequest
from casa.transports.inference import SERVER, Inference, InferRequest, WantedOutput, want
from casa.transports.protos import open_inference_pb2 as pb
from casa.transports.rpc import Call, Method, batch_bytes
from casa.transports.serving import Serving
from casa.transports.tensor import OUTPUT, Tensor, TensorMetadata, declare, read_bytes, read_numbers, write_bytes

SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name

FEW_ROWS = 32
"""Up to so many houses are priced at once; more of them keep the event loop for a while, and take a turn."""

CONTENTS = {
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
"""Where a message holds numbers of each datatype; FP16 comes as raw bytes only."""


class InferenceService:
    """The protocol's service. What is about health needs no key."""

    def __init__(self, serving: Serving, inference: Inference) -> None:
        self._serving = serving
        self._inference = inference
        self._most_bytes = batch_bytes(serving.settings)

    def methods(self) -> Mapping[str, Method]:
        """The service's methods by their full names."""
        return {
            f"/{SERVICE}/ServerLive": Method(pb.ServerLiveRequest, self.server_live, scope=None),
            f"/{SERVICE}/ServerReady": Method(pb.ServerReadyRequest, self.server_ready, scope=None),
            f"/{SERVICE}/ModelReady": Method(pb.ModelReadyRequest, self.model_ready, scope=None),
            f"/{SERVICE}/ServerMetadata": Method(pb.ServerMetadataRequest, self.server_metadata),
            f"/{SERVICE}/ModelMetadata": Method(pb.ModelMetadataRequest, self.model_metadata),
            f"/{SERVICE}/ModelInfer": Method(pb.ModelInferRequest, self.model_infer, most_bytes=self._most_bytes),
        }

    async def server_live(self, _: Call, __: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        """The process answers."""
        return pb.ServerLiveResponse(live=True)

    async def server_ready(self, _: Call, __: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        """Are new callers welcome?"""
        return pb.ServerReadyResponse(ready=not self._serving.draining)

    async def model_ready(self, _: Call, asked: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        """Are they, by this model? NotFound if it is another."""
        self._inference.check_model(asked.name, asked.version)
        return pb.ModelReadyResponse(ready=not self._serving.draining)

    async def server_metadata(self, _: Call, __: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        """What this server is."""
        return pb.ServerMetadataResponse(**SERVER._asdict())

    async def model_metadata(self, _: Call, asked: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        """What the model takes and gives."""
        self._inference.check_model(asked.name, asked.version)
        metadata = self._inference.metadata()
        tensors = {name: [_tensor(one) for one in getattr(metadata, name)] for name in ("inputs", "outputs")}
        return pb.ModelMetadataResponse(**{**metadata._asdict(), **tensors})

    async def model_infer(self, call: Call, asked: pb.ModelInferRequest) -> pb.ModelInferResponse:
        """Prices of the houses in the tensors; bytes for bytes, lists for lists."""
        self._inference.check_model(asked.model_name, asked.model_version)
        request = read_request(asked, most=self._inference.max_rows)
        houses = self._inference.houses(request)
        async with self._serving.turns.take() if len(houses) > FEW_ROWS else nullcontext():
            await call.charge(len(houses))
            answer = write_answer(self._inference.infer(houses, request.outputs, call), request.outputs)
        answer.model_name, answer.model_version = asked.model_name, self._inference.version
        answer.id = request.id or call.request_id
        return answer


def read_request(asked: pb.ModelInferRequest, *, most: int) -> InferRequest:
    """What a message asks for; MalformedRequest says what is wrong with it, TooLarge if it is over `most` houses."""
    named = ((output.name, None) for output in asked.outputs)
    return InferRequest(asked.id, list(_tensors(asked, most=most)), want(named, binary=bool(asked.raw_input_contents)))


def write_answer(tensors: Sequence[Tensor], wanted: Sequence[WantedOutput]) -> pb.ModelInferResponse:
    """The message that holds these tensors."""
    outputs = [
        pb.ModelInferResponse.InferOutputTensor(name=tensor.name, datatype=OUTPUT, shape=tensor.values.shape)
        for tensor in tensors
    ]
    answer = pb.ModelInferResponse(outputs=outputs)
    for place, (tensor, one) in enumerate(zip(tensors, wanted, strict=True)):
        if one.binary:
            answer.raw_output_contents.append(write_bytes(tensor))
        else:
            answer.outputs[place].contents.fp64_contents.extend(tensor.values.tolist())
    return answer


def _tensors(asked: pb.ModelInferRequest, *, most: int) -> Iterator[Tensor]:
    raw = asked.raw_input_contents
    if raw and len(raw) != len(asked.inputs):
        raise MalformedRequest(f"{len(asked.inputs)} inputs have {len(raw)} raw_input_contents")
    if raw and any(one.HasField("contents") for one in asked.inputs):
        raise MalformedRequest("an input's data is either in its contents or in raw_input_contents")
    for place, one in enumerate(asked.inputs):
        declared = declare(one.name, one.datatype, one.shape, most=most)
        yield read_bytes(declared, memoryview(raw[place])) if raw else read_numbers(declared, _contents(declared, one))


def _contents(declared: TensorMetadata, one: pb.ModelInferRequest.InferInputTensor) -> list[Any]:
    if declared.datatype not in CONTENTS:
        raise declared.refuse(f"{declared.datatype} is sent as raw_input_contents")
    return list(getattr(one.contents, CONTENTS[declared.datatype]))


def _tensor(metadata: TensorMetadata) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(**metadata._asdict())
