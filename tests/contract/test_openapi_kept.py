"""What is answered is what the document says: statuses, header fields, media types and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest
import schemathesis

from casa.access.record import Grant
from casa.monitoring.metrics import Metrics
from casa.transports import infer_body, infer_schema
from casa.transports.openapi import OPERATIONS, document, rendered
from casa.transports.operations import MONITORED, Operation
from tests.transports.caller import Caller
from tests.transports.conftest import serving
from tests.transports.grpc_caller import make_gate, token

KEYED = [operation for operation in OPERATIONS if operation.scope and not operation.unlocked]
ACCEPTS = ("*/*", "text/html", "application/json")
FIELDS = document()["components"]["headers"]
PARTS = [
    (infer_body._Request, infer_schema.InferRequest),
    (infer_body._Input, infer_schema.InferInput),
    (infer_body._InputParameters, infer_schema.BinarySize),
    (infer_body._Output, infer_schema.InferOutput),
    (infer_body._OutputParameters, infer_schema.OutputForm),
    (infer_body._Parameters, infer_schema.InferForm),
]
"""What is read of an infer call, and how it is described."""


def name(operation: Operation) -> str:
    return operation.path


def ask(caller: Caller, operation: Operation, **headers: str) -> httpx.Response:
    """The answer to an operation's example."""
    path = operation.path.format(version=caller.app.serving.bundle.version)
    if operation.example:
        return caller.post(path, operation.example, **headers)
    return caller.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def check(operation: Operation, answer: httpx.Response) -> None:
    """The answer is one that the document has."""
    spec = document()
    (described,) = spec["paths"][operation.path].values()
    told = described["responses"][str(answer.status_code)]
    assert {name for name in FIELDS if name in answer.headers} <= set(told["headers"])
    media = answer.headers["content-type"].partition(";")[0]
    schema = {**told["content"][media]["schema"], "components": spec["components"]}
    if media.endswith("json"):
        jsonschema_rs.Draft202012Validator(schema).validate(answer.json())


def test_the_document_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(orjson.loads(rendered())).validate()


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=name)
def test_an_answer_is_as_described(hot: Caller, operation: Operation, accept: str) -> None:
    answer = ask(hot, operation, accept=accept)
    assert answer.status_code in (200, 404)
    check(operation, answer)


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=name)
def test_a_call_without_a_key_is_refused_as_described(hot: Caller, operation: Operation, accept: str) -> None:
    answer = ask(hot, operation, accept=accept, x_api_key="nobody")
    check(operation, answer)
    assert (answer.status_code == 401) == ("www-authenticate" in answer.headers)
    if operation.scope is None or operation in KEYED:
        assert (answer.status_code == 401) == (operation in KEYED)


@pytest.fixture(scope="module")
def closed(store_home: Path) -> Iterator[Caller]:
    """A service with closed monitoring."""
    with serving(store_home, open_monitoring="false") as caller:
        yield caller


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.unlocked == MONITORED], ids=name)
def test_closed_monitoring_is_refused_as_described(closed: Caller, operation: Operation) -> None:
    answer = ask(closed, operation, x_api_key="nobody")
    assert answer.status_code == 401
    check(operation, answer)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.scope], ids=name)
def test_what_is_left_of_a_quota_is_told_as_described(
    closed: Caller, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = {"once": Grant(client="once", scopes=("predict", "feedback", "monitor"), quota="1/day")}
    monkeypatch.setattr(closed.app.serving, "gate", make_gate(once, Metrics()))
    answers = [ask(closed, operation, accept="application/json", x_api_key=token("once")) for _ in range(2)]
    assert answers[0].status_code in (200, 404)
    assert answers[1].status_code == 429
    for answer in answers:
        check(operation, answer)
        assert "ratelimit" in answer.headers


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.binary], ids=name)
def test_an_answer_as_bytes_is_as_described(hot: Caller, operation: Operation) -> None:
    example = {**(operation.example or {}), "parameters": {"binary_data_output": True}}
    answer = hot.post(operation.path.format(version=hot.app.serving.bundle.version), example)
    assert answer.headers["content-type"] == "application/octet-stream"
    check(operation, answer)
    length = int(answer.headers["inference-header-content-length"])
    infer_schema.InferAnswer.model_validate_json(answer.content[:length], strict=True)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.asks], ids=name)
def test_a_body_that_cannot_be_read_is_refused_as_described(hot: Caller, operation: Operation) -> None:
    path = operation.path.format(version=hot.app.serving.bundle.version)
    for body, headers in ((b"{", {}), (b"{}", {}), (b"{}", {"content_encoding": "gzip"}), (b" " * 5_000_000, {})):
        answer = hot.post(path, body, **headers)
        assert answer.status_code in (400, 413, 415, 422)
        check(operation, answer)


@pytest.mark.parametrize(("read", "described"), PARTS)
def test_what_is_read_of_an_infer_call_is_described(read: Any, described: Any) -> None:
    assert read.model_fields.keys() == described.model_fields.keys()
    assert read.model_config["extra"] == described.model_config.get("extra", "ignore")
