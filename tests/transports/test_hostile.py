"""Any bytes at all: a price or a problem, never a failure of ours."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casa.house import HOUSE
from tests.transports.caller import EXAMPLE, Caller

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(width=64) | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(HOUSE.names) | st.text(max_size=4)
HOUSES = st.dictionaries(NAMES, VALUES, max_size=15).map(lambda changes: {**EXAMPLE, **changes})
ROWS = st.lists(HOUSES | VALUES | st.just(EXAMPLE), max_size=5)
SCRAPS = st.sampled_from(
    [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b'"RM":6,', b"\x00", b"\xff", b"1e999", b"-"]
)


def as_bytes(value: object) -> bytes:
    import json

    return json.dumps(value).encode("utf-8", "surrogatepass")


BODIES = st.one_of(
    st.binary(max_size=200),
    HOUSES.map(as_bytes),
    ROWS.map(lambda rows: as_bytes({"instances": rows})),
    VALUES.map(as_bytes),
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A body, perhaps with something struck out or put in."""
    body = draw(BODIES)
    if draw(st.booleans()):
        place = draw(st.integers(0, len(body)))
        body = body[:place] + draw(SCRAPS) + body[place + draw(st.integers(0, 2)) :]
    return body


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=mangled())
def test_any_body_gets_a_price_or_a_problem(caller: Caller, path: str, body: bytes) -> None:
    answer = caller.post(path, body)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    kind = "application/json" if answer.status_code == 200 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    assert orjson.loads(answer.content)["request_id"] == answer.headers["x-request-id"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=mangled())
def test_both_modes_agree_on_any_batch(hot: Caller, through_bentoml: Caller, body: bytes) -> None:
    answers = [one.post("/predict/batch", body).json() for one in (hot, through_bentoml)]
    ours, theirs = ({k: v for k, v in a.items() if k not in ("request_id", "inference_time")} for a in answers)
    assert ours == theirs
