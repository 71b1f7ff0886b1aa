"""Every failure is application/problem+json, and all of them have one shape."""

import inspect
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from casa.errors import CasaError, Flaw
from casa.transports.problem import TITLES, problem
from casa.transports.schema import Problem
from tests.transports.caller import EXAMPLE, Caller

VALUES: dict[str, Any] = {
    "flaws": [Flaw(loc=["RM"], msg="too large", type="less_than_equal")] * 2,
    "allowed": ["GET", "HEAD"],
    "retry_after": 7,
    "fields": {"RateLimit": '"default";r=0;t=7'},
}


def family(error: type[CasaError]) -> Iterator[type[CasaError]]:
    yield error
    for child in error.__subclasses__():
        yield from family(child)


def made(error: type[CasaError]) -> CasaError:
    """One of these errors, with something for everything it asks for."""
    if "__init__" not in vars(error):
        return error("a sentence")
    return error(**{name: VALUES.get(name, "a sentence") for name in inspect.signature(error).parameters})


@pytest.mark.parametrize("error", list(family(CasaError)), ids=lambda error: error.__name__)
def test_every_error_is_a_problem_of_its_status(error: type[CasaError]) -> None:
    answer = problem(made(error), request_id="a-request")
    document = Problem.model_validate_json(answer.body, strict=True)
    assert (answer.status, answer.media) == (error.status, b"application/problem+json")
    assert (document.status, document.title, document.request_id) == (error.status, TITLES[error.status], "a-request")
    assert document.detail == str(made(error))


@pytest.mark.parametrize(
    ("status", "field"), [(401, b"www-authenticate"), (405, b"allow"), (429, b"retry-after"), (503, b"retry-after")]
)
def test_an_error_brings_the_fields_its_status_asks_for(status: int, field: bytes) -> None:
    for error in family(CasaError):
        if error.status == status:
            assert dict(problem(made(error), request_id="x").headers)[field]


def test_an_error_without_flaws_has_no_list_of_them() -> None:
    document = orjson.loads(problem(CasaError("a sentence"), request_id="x").body)
    assert set(document) == {"type", "title", "status", "detail", "request_id"}


CALLS: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("POST", "/predict", {"content": b"{", "headers": {"content-type": "application/json"}}),
    404: ("GET", "/nowhere", {}),
    405: ("GET", "/predict", {}),
    413: ("POST", "/predict", {"content": b" " * 70_000, "headers": {"content-type": "application/json"}}),
    415: ("POST", "/predict", {"content": b"{}"}),
    422: ("POST", "/predict", {"json": {**EXAMPLE, "RM": 99}}),
}


@pytest.mark.parametrize("status", CALLS)
def test_every_failing_call_has_that_shape(caller: Caller, status: int) -> None:
    method, path, options = CALLS[status]
    answer = caller.get(path, method=method, **options)
    document = Problem.model_validate_json(answer.content, strict=True)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == document.status == status
    assert answer.headers["x-request-id"] == document.request_id
