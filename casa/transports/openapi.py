"""The interface as OpenAPI 3.1, made from the types that answer.

`python -m casa.transports.openapi` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from casa.house import HOUSE, House
from casa.sale import Sale
from casa.transports.identity import PATTERN
from casa.transports.parse import ENVELOPE
from casa.transports.problem import TITLES
from casa.transports.schema import (
    Dashboard,
    Drift,
    Explanation,
    Health,
    Houses,
    ModelFacts,
    Monitoring,
    Price,
    Prices,
    Problem,
    Sold,
    Status,
    TableFacts,
)

JsonObject = dict[str, Any]  # JSON

VERSION = "1.0.0"
"""The interface's own version: it changes when callers may have to."""
SCHEMAS = "#/components/schemas/{model}"

LOCKED = (401, 403, 429)
"""How a call that needs a key may fail for it."""
CALLING = tuple(sorted((400, 408, 411, 413, 415, 422, 431, 500, 503, 504, *LOCKED)))
"""How a call with a body may fail."""
READING = (*LOCKED, 500, 503)
"""How a call without a body may fail that needs a key, or does where CASA_OPEN_MONITORING is false."""
KEYS: JsonObject = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


class Operation(NamedTuple):
    """One route, as its callers see it."""

    path: str
    name: str
    summary: str
    answer: type[BaseModel] | None
    """What 200 holds; None for a page."""
    failures: tuple[int, ...]
    asks: type[BaseModel] | None = None
    """What the body holds; None for a route that is only read."""
    example: JsonObject | None = None
    secured: bool = False
    """Does it need a key?"""
    page: bool = False
    """Is it a page, too, for whoever does not ask for JSON?"""


OPERATIONS = (
    Operation("/predict", "predict", "The price of one house", Price, CALLING, House, HOUSE.example, secured=True),
    Operation(
        "/predict/batch",
        "predict_batch",
        "The prices of many houses; a bad one spoils only itself",
        Prices,
        CALLING,
        Houses,
        {ENVELOPE: [HOUSE.example]},
        secured=True,
    ),
    Operation(
        "/explain",
        "explain",
        "The price of one house, and how much each feature adds to it",
        Explanation,
        CALLING,
        House,
        HOUSE.example,
        secured=True,
    ),
    Operation(
        "/feedback",
        "feedback",
        "What a house really sold for; a second price replaces the first",
        Sold,
        tuple(sorted((*CALLING, 404))),
        Sale,
        {"request_id": "6b05b58a0955329b319aef371fd1e9ed", "row": 0, "price": 24.0},
        secured=True,
    ),
    Operation("/metrics", "metrics", "What Prometheus reads", None, READING),
    Operation("/drift", "drift", "How far the houses have moved from those of the training", Drift, READING),
    Operation(
        "/monitoring",
        "monitoring",
        "What the calls of all replicas add up to",
        Monitoring,
        READING,
        secured=True,
    ),
    Operation("/health", "health", "What is served, and since when", Health, (500, 503)),
    Operation("/livez", "livez", "Is the process alive?", Status, (500,)),
    Operation("/readyz", "readyz", "Is it ready for callers?", Status, (500, 503)),
    Operation(
        "/model",
        "model",
        "The model: its features, how good it is, where it comes from; a page for browsers",
        ModelFacts,
        READING,
        secured=True,
    ),
    Operation("/model/report", "model_report", "What the page about the model shows", None, READING, secured=True),
    Operation("/docs.json", "openapi", "This document", None, (500,)),
    Operation("/docs", "docs", "This document for people", None, (500,)),
    Operation("/", "home", "The page that prices a house", None, (500, 503)),
    Operation(
        "/dashboard",
        "dashboard",
        "The page that watches; its figures as JSON need a key",
        Dashboard,
        READING,
        page=True,
    ),
    Operation(
        "/data", "data", "The page about the table of houses; JSON of it needs a key", TableFacts, READING, page=True
    ),
    Operation(
        "/data/report",
        "data_report",
        "The report that this page shows",
        None,
        tuple(sorted((404, *READING))),
        secured=True,
    ),
)


@cache
def document() -> JsonObject:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Casa",
            "version": VERSION,
            "description": f"Prices of houses, in {HOUSE.target.unit}, with intervals.",
        },
        "paths": {operation.path: {_method(operation): _described(operation)} for operation in OPERATIONS},
        "components": {"schemas": _schemas(), "securitySchemes": KEYS, **_shared()},
    }


@cache
def rendered() -> bytes:
    """The document as JSON."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _schemas() -> JsonObject:
    asked = [(operation.asks, "validation") for operation in OPERATIONS if operation.asks]
    told = [(operation.answer, "serialization") for operation in OPERATIONS if operation.answer]
    models: list[Any] = list(dict.fromkeys([*asked, *told, (Problem, "serialization")]))
    _, definitions = models_json_schema(models, ref_template=SCHEMAS)
    schemas: JsonObject = definitions["$defs"]
    return dict(sorted(schemas.items()))


def _method(operation: Operation) -> str:
    return "post" if operation.asks else "get"


def _described(operation: Operation) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [{"$ref": "#/components/parameters/RequestId"}],
        "responses": {"200": _answered(operation), **_failed(operation.failures)},
    }
    if operation.secured:
        described["security"] = [{name: []} for name in KEYS]
    if operation.asks:
        content = {"application/json": {"schema": _reference(operation.asks), "example": operation.example}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answered(operation: Operation) -> JsonObject:
    page = {"text/html": {"schema": {"type": "string"}}}
    if operation.answer:
        content = {"application/json": {"schema": _reference(operation.answer)}, **(page if operation.page else {})}
        return _response("The answer", content)
    if operation.name == "openapi":
        return _response("OpenAPI 3.1", {"application/json": {"schema": {"type": "object"}}})
    if operation.name == "metrics":
        return _response("Prometheus' text format", {"text/plain": {"schema": {"type": "string"}}})
    return _response("A page", page)


def _failed(statuses: Iterable[int]) -> JsonObject:
    content = {"application/problem+json": {"schema": _reference(Problem)}}
    return {str(status): _response(TITLES[status], content, retry=status in (429, 503)) for status in statuses}


def _response(description: str, content: JsonObject, *, retry: bool = False) -> JsonObject:
    headers: JsonObject = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if retry:
        headers["Retry-After"] = {"description": "Seconds to wait", "schema": {"type": "integer"}}
    return {"description": description, "headers": headers, "content": content}


def _reference(model: type[BaseModel]) -> JsonObject:
    return {"$ref": SCHEMAS.format(model=model.__name__)}


def _shared() -> JsonObject:
    return {
        "parameters": {
            "RequestId": {
                "name": "X-Request-Id",
                "in": "header",
                "description": f"An id for this request. It is used if it matches {PATTERN}",
                "schema": {"type": "string"},
            }
        },
        "headers": {
            "RequestId": {
                "description": "The request's id: the caller's, or a random one",
                "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
            }
        },
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(rendered())
