"""The interface as OpenAPI 3.1, made from the types that answer.

`python -m casa.transports.openapi` prints it.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from casa.house import HOUSE
from casa.model import bundle
from casa.settings import Settings
from casa.transports import infer_operations, operations
from casa.transports.infer_body import BINARY
from casa.transports.infer_schema import Refusal
from casa.transports.openapi_fields import INFER_LENGTH, REQUEST_ID, headers, parameters
from casa.transports.operations import ARRIVING, CHARGED, JsonObject, Operation
from casa.transports.problem import TITLES
from casa.transports.protocol import ROOT
from casa.transports.schema import Problem

VERSION = "1.0.0"
"""The interface's own version: it changes when callers may have to."""
SCHEMAS = "#/components/schemas/{model}"
KEYS: JsonObject = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
FORMS: dict[type[BaseModel], str] = {Problem: "application/problem+json", Refusal: "application/json"}
"""What failures are told as."""
BYTES: JsonObject = {BINARY.decode(): {"schema": {"type": "string", "contentMediaType": BINARY.decode()}}}
"""JSON, and tensors' bytes after it."""
GRPC_PORT = Settings.model_fields["grpc_port"].default
WAYS = f"""Prices of houses, in {HOUSE.target.unit}, with intervals.

The Open Inference Protocol, version 2, is under `{ROOT}`; the model is `{bundle.NAME}`.

gRPC answers on a port of its own, {GRPC_PORT} unless `CASA_GRPC_PORT` says another: `casa.v1.Casa`, the Open Inference
Protocol as `inference.GRPCInferenceService`, `grpc.health.v1.Health` and reflection.

What answers GET answers HEAD, too. The pages load their parts from `/assets`."""
"""The ways to the service, as a paragraph each."""
OPERATIONS = (*operations.OPERATIONS, *infer_operations.OPERATIONS)


@cache
def document() -> JsonObject:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Casa",
            "version": VERSION,
            "description": WAYS,
        },
        "paths": {operation.path: {_method(operation): _described(operation)} for operation in OPERATIONS},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": KEYS,
            "parameters": parameters(),
            "headers": headers(),
        },
    }


@cache
def rendered() -> bytes:
    """The document as JSON."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _schemas() -> JsonObject:
    asked = [(operation.asks, "validation") for operation in OPERATIONS if operation.asks]
    told = [(operation.answer, "serialization") for operation in OPERATIONS if operation.answer]
    refused = [(operation.refusal, "serialization") for operation in OPERATIONS]
    models: list[Any] = list(dict.fromkeys([*asked, *told, *refused]))
    _, definitions = models_json_schema(models, ref_template=SCHEMAS)
    schemas: JsonObject = definitions["$defs"]
    return dict(sorted(schemas.items()))


def _method(operation: Operation) -> str:
    return "post" if operation.asks else "get"


def _described(operation: Operation) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": " ".join(filter(None, (_lock(operation), operation.note))),
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _parameters(operation)],
        "responses": {"200": _answered(operation), **_failed(operation)},
    }
    if operation.scope:
        unlocked: list[JsonObject] = [{}] if operation.unlocked else []
        described["security"] = [*unlocked, *({name: [operation.scope]} for name in KEYS)]
    if operation.asks:
        described["requestBody"] = {"required": True, "content": _asked(operation, operation.asks)}
    return described


def _lock(operation: Operation) -> str:
    """Who may call, in words."""
    if operation.scope is None:
        return "No key is needed."
    return operation.unlocked or f"Needs a key with the scope `{operation.scope}`."


def _parameters(operation: Operation) -> list[str]:
    own = [name for name in ("version",) if f"{{{name}}}" in operation.path]
    return [*own, REQUEST_ID, *([INFER_LENGTH] if operation.binary else [])]


def _asked(operation: Operation, asks: type[BaseModel]) -> JsonObject:
    content: JsonObject = {"application/json": {"schema": _reference(asks), "example": operation.example}}
    return content | (BYTES if operation.binary else {})


def _answered(operation: Operation) -> JsonObject:
    page = {"text/html": {"schema": {"type": "string"}}}
    if operation.answer:
        others = (page if operation.page else {}) | (BYTES if operation.binary else {})
        content = {"application/json": {"schema": _reference(operation.answer)}, **others}
        return _response(operation, 200, told="The answer", content=content)
    if operation.name == "openapi":
        content = {"application/json": {"schema": {"type": "object"}}}
        return _response(operation, 200, told="OpenAPI 3.1", content=content)
    if operation.name == "metrics":
        content = {"text/plain": {"schema": {"type": "string"}}}
        return _response(operation, 200, told="Prometheus' text format", content=content)
    return _response(operation, 200, told="A page", content=page)


def _failed(operation: Operation) -> JsonObject:
    statuses = sorted({*ARRIVING, *operation.failures})
    return {
        str(status): _response(operation, status, told=TITLES[status], content=_refused(operation, status))
        for status in statuses
    }


def _response(operation: Operation, status: int, *, told: str, content: JsonObject) -> JsonObject:
    return {"description": told, "headers": _headers(operation, status), "content": content}


def _refused(operation: Operation, status: int) -> JsonObject:
    """A call that fails before its route is known is told so in our form, wherever it wanted to go."""
    kinds = {operation.refusal} if status in operation.failures else set()
    told = {FORMS[kind]: {"schema": _reference(kind)} for kind in kinds | ({Problem} if status in ARRIVING else set())}
    return dict(sorted(told.items()))


def _headers(operation: Operation, status: int) -> JsonObject:
    """What an answer of this status carries beside its body."""
    carried = {
        REQUEST_ID: True,
        "WWW-Authenticate": status in (401, 403),
        "Retry-After": status in (429, 503),
        "RateLimit": operation.scope and status in CHARGED,
        "RateLimit-Policy": operation.scope and status in CHARGED,
        INFER_LENGTH: operation.binary and status == 200,
    }
    return {name: {"$ref": f"#/components/headers/{name}"} for name, is_there in carried.items() if is_there}


def _reference(model: type[BaseModel]) -> JsonObject:
    return {"$ref": SCHEMAS.format(model=model.__name__)}


if __name__ == "__main__":
    sys.stdout.buffer.write(rendered())
