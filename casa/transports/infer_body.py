"""The bodies of an infer call over HTTP: JSON, and after it the bytes of those tensors that are not in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from casa.errors import MalformedRequest, TooLarge
from casa.house import HOUSE
from casa.model import bundle
from casa.transports import parse
from casa.transports.answer import LOCKED, Answer
from casa.transports.inference import InferRequest, WantedOutput, want
from casa.transports.tensor import OUTPUT, Tensor, declare, read_bytes, read_numbers, write_bytes

LENGTH = b"inference-header-content-length"
BINARY = b"application/octet-stream"
DIGITS = 10
SCALARS = frozenset({float, int, bool, type(None)})
"""What has no quotes in JSON."""
MOST_QUOTES = 10_000
MOST_BRACKETS = 200_000
"""More than any good body has: one of nothing but names or brackets would keep other callers waiting."""
ROW_COMMAS = 2 * len(HOUSE.names)
MORE_COMMAS = 10_000
"""As many commas again as a good body has, so that it is not read for long before its shape is."""


class _Part(BaseModel):
    """Names we do not know are the caller's own, or another server's."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)


class _InputParameters(_Part):
    binary_data_size: NonNegativeInt | None = None


class _Input(_Part):
    name: str
    datatype: str
    shape: list[int]
    parameters: _InputParameters | None = None
    data: list[Any] | None = None  # numbers, flat or in rows: checked with the datatype


class _OutputParameters(_Part):
    model_config = ConfigDict(extra="forbid")  # what we leave undone here, a caller would wait for

    binary_data: bool | None = None


class _Output(_Part):
    name: str
    parameters: _OutputParameters | None = None


class _Parameters(_Part):
    binary_data_output: bool = False


class _Request(_Part):
    id: str | None = None
    parameters: _Parameters | None = None
    inputs: list[_Input]
    outputs: list[_Output] | None = None


def read(body: bytes, headers: Mapping[bytes, bytes], *, most: int) -> InferRequest:
    """What a body asks for; MalformedRequest says what is wrong with it, TooLarge if it is over `most` houses."""
    length = _json_length(body, headers.get(LENGTH))
    try:
        request = _Request.model_validate(_loads(body[:length], most=most))
    except ValidationError as error:
        raise MalformedRequest(_tell(error)) from error
    tensors = list(_tensors(request.inputs, memoryview(body)[length:], most=most))
    return InferRequest(request.id or "", tensors, _wanted(request))


def write(tensors: Sequence[Tensor], wanted: Sequence[WantedOutput], *, request_id: str, version: str) -> Answer:
    """The answer that holds these tensors, as bytes where they were asked for as bytes."""
    raw = [write_bytes(tensor) for tensor, one in zip(tensors, wanted, strict=True) if one.binary]
    outputs = [_told(tensor, binary=one.binary) for tensor, one in zip(tensors, wanted, strict=True)]
    document = {"model_name": bundle.NAME, "model_version": version, "id": request_id, "outputs": outputs}
    text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not raw:
        return Answer(text)
    return Answer(b"".join([text, *raw]), media=BINARY, headers=(LOCKED, (LENGTH, b"%d" % len(text))))


def _wanted(request: _Request) -> Sequence[WantedOutput]:
    parameters = request.parameters or _Parameters()
    outputs = request.outputs or ()
    own = [(output.parameters or _OutputParameters()).binary_data for output in outputs]
    named = zip((output.name for output in outputs), own, strict=True)
    return want(named, binary=parameters.binary_data_output)


def _told(tensor: Tensor, *, binary: bool) -> dict[str, Any]:  # JSON values
    told = {"name": tensor.name, "shape": tensor.values.shape, "datatype": OUTPUT}
    return told | ({"parameters": {"binary_data_size": tensor.values.nbytes}} if binary else {"data": tensor.values})


def _json_length(body: bytes, given: bytes | None) -> int:
    if given is None:
        return len(body)
    if not given.isdigit() or len(given) > DIGITS or int(given) > len(body):
        raise MalformedRequest("Inference-Header-Content-Length is not the length of the body's JSON")
    return int(given)


def _tensors(inputs: list[_Input], rest: memoryview, *, most: int) -> Iterator[Tensor]:
    """The inputs in turn, each with its own part of the bytes after the JSON."""
    for one in inputs:
        declared = declare(one.name, one.datatype, one.shape, most=most)
        size = (one.parameters or _InputParameters()).binary_data_size
        if (size is None) == (one.data is None):
            raise declared.refuse("it needs either data or a binary_data_size")
        if size is not None and size > len(rest):
            raise declared.refuse("the body ends before its data does")
        yield read_bytes(declared, rest[:size]) if one.data is None else read_numbers(declared, one.data)
        rest = rest[size or 0 :]
    if rest:
        raise MalformedRequest(f"{len(rest)} bytes are left over after the last input")


def _loads(text: bytes, *, most: int) -> Any:  # any JSON value
    """Strict JSON; MalformedRequest if a name is repeated, which orjson does not see but the quotes tell."""
    quotes = text.count(b'"')
    if quotes > MOST_QUOTES or text.count(b"{") + text.count(b"[") > MOST_BRACKETS:
        raise MalformedRequest("the body holds more than a call for prices needs")
    if text.count(b",") > MORE_COMMAS + ROW_COMMAS * most:
        raise TooLarge(f"the body holds more numbers than {most:,} house{'s' * (most != 1)}")
    document = parse.loads(text)
    if quotes != _quotes(document):
        _refuse_repeated(text)
    return document


def _quotes(document: object) -> int:
    count, left = 0, [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            count += 2 * len(one)
            left += one.values()
        elif isinstance(one, list) and not SCALARS.issuperset(map(type, one)):
            left += one
        else:
            count += 2 * isinstance(one, str)
    return count


def _refuse_repeated(text: bytes) -> None:
    try:
        json.loads(text, object_pairs_hook=_once, parse_int=float)
    except RecursionError as error:
        raise MalformedRequest("the body is nested too deeply") from error


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise MalformedRequest("a name is given more than once")


def _tell(error: ValidationError) -> str:
    flaw = error.errors(include_input=False, include_url=False)[0]
    # A name that we do not know is the caller's, and is not repeated.
    place = flaw["loc"][:-1] if flaw["type"] == "extra_forbidden" else flaw["loc"]
    message = "Input should be an object" if flaw["type"] == "model_type" else flaw["msg"]
    return f"{'.'.join(map(str, place)) or 'the body'}: {message}"
