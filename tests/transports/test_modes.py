"""The front and BentoML's typed methods say the same."""

from typing import Any

import numpy as np
import orjson
import pytest

from casa.house import HOUSE
from tests.transports.caller import EXAMPLE, REQUIRED, Caller

OWN = ("request_id", "inference_time")
BODIES = [
    b"",
    b"[]",
    b'{"instances": []}',
    b'{"RM": 6.5, "RM": 6.5}',
    b'{"instances": [{"RM": 1, "RM": 1}, 7, {"a": {"b": [1]}}]}',
    b"\xef\xbb\xbf{}",
    b'{"RM": NaN}',
    b'{"RM": "6"}',
]


def told(answer: Any) -> tuple[int, str, Any]:
    content = {name: value for name, value in answer.json().items() if name not in OWN}
    return answer.status_code, answer.headers["content-type"], content


def houses(count: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    rows = [{f.name: float(rng.uniform(f.low, f.high)) for f in HOUSE.features} for _ in range(count)]
    return [{**row, "CHAS": place % 2, "ZN": None if place % 3 else row["ZN"]} for place, row in enumerate(rows)]


def test_there_are_two_ways(hot: Caller, through_bentoml: Caller) -> None:
    assert [one.app.serving.settings.hot_path for one in (hot, through_bentoml)] == [True, False]


def test_houses_cost_the_same(hot: Caller, through_bentoml: Caller) -> None:
    for house in houses(30):
        assert told(hot.post("/predict", house)) == told(through_bentoml.post("/predict", house))


def test_batches_cost_the_same(hot: Caller, through_bentoml: Caller) -> None:
    rows = [*houses(120), {**EXAMPLE, "RM": 99}, {**EXAMPLE, "B": True}, None, REQUIRED, {"<b>": 1}]
    assert told(hot.batch(*rows)) == told(through_bentoml.batch(*rows))


@pytest.mark.parametrize("nested", [b"[" * 300 + b"]" * 300, b'{"a":' * 300 + b"1" + b"}" * 300])
def test_a_row_that_is_nested_deeply_spoils_only_itself(hot: Caller, through_bentoml: Caller, nested: bytes) -> None:
    body = b'{"instances": [%b, %b]}' % (orjson.dumps(EXAMPLE), nested)
    assert told(hot.post("/predict/batch", body)) == told(through_bentoml.post("/predict/batch", body))


@pytest.mark.parametrize("depth", [500, 980, 990, 1000, 1010, 1020])
def test_depth_never_breaks_a_parser(hot: Caller, through_bentoml: Caller, depth: int) -> None:
    body = b'{"instances":[%b,{"RM":"x"},%b]}' % (orjson.dumps(EXAMPLE), b"[" * depth + b"]" * depth)
    answer = told(hot.post("/predict/batch", body))
    assert answer[0] in (200, 400)
    assert answer == told(through_bentoml.post("/predict/batch", body))


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/nowhere"])
@pytest.mark.parametrize("body", BODIES)
def test_failures_are_told_alike(hot: Caller, through_bentoml: Caller, path: str, body: bytes) -> None:
    answer = told(hot.post(path, body))
    assert 400 <= answer[0] < 500
    assert answer == told(through_bentoml.post(path, body))
