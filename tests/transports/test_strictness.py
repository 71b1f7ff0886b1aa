"""What a body may be. Nothing here may ever answer 500."""

import math
from typing import Any

import httpx
import orjson
import pytest

from casa.house import HOUSE
from tests.transports.caller import EXAMPLE, Caller

GOOD = orjson.dumps(EXAMPLE)
BATCH = b'{"instances":[%b,%b]}'
BAD_VALUES = [True, False, "6.5", "", [], [6.5], {}, {"a": 1}, None, 99, -1, 10**19]
NO_JSON = {
    "nothing": b"",
    "blanks": b"  \n",
    "NaN": GOOD.replace(b"6.575", b"NaN"),
    "Infinity": GOOD.replace(b"6.575", b"-Infinity"),
    "1e400": GOOD.replace(b"6.575", b"1e400"),
    "a thousand digits": GOOD.replace(b"6.575", b"9" * 1000),
    "five thousand digits": GOOD.replace(b"6.575", b"9" * 5000),
    "01": GOOD.replace(b"6.575", b"06.575"),
    "1_0": GOOD.replace(b"6.575", b"6_5"),
    "hex": GOOD.replace(b"6.575", b"0x6"),
    "plus": GOOD.replace(b"6.575", b"+6"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "bad UTF-8": GOOD.replace(b"CRIM", b"CR\xff\xfeIM"),
    "a lone surrogate": GOOD.replace(b"CRIM", b"\\ud800"),
    "NUL": GOOD.replace(b"6.575", b"\x00"),
    "NUL behind": GOOD + b"\x00",
    "depth": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "open": GOOD[:-1],
    "two": GOOD + GOOD,
    "a comma": GOOD[:-1] + b",}",
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": GOOD + b"// mine",
    "a form": b"CRIM=1&RM=6",
}


def kinds(answer: httpx.Response) -> list[str]:
    return [flaw["type"] for flaw in answer.json()["errors"]]


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_is_400(caller: Caller, name: str) -> None:
    body = NO_JSON[name]
    if len(body) <= 64 * 1024:
        assert caller.post("/predict", body).status_code == 400
    answer = caller.post("/predict/batch", BATCH % (GOOD, body or b","))
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("value", BAD_VALUES)
def test_a_value_that_is_no_number_in_range_is_422(caller: Caller, value: Any) -> None:
    answer = caller.predict(RM=value)
    assert answer.status_code == 422
    assert [flaw["loc"] for flaw in answer.json()["errors"]] == [["RM"]]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_a_row_hears_what_a_house_hears(caller: Caller, value: Any) -> None:
    alone = caller.predict(RM=value).json()["errors"]
    assert caller.batch({**EXAMPLE, "RM": value}, EXAMPLE).json()["errors"] == [{"index": 0, "errors": alone}]


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"house"', b"[[]]", b"true"])
def test_a_house_is_an_object(caller: Caller, body: bytes) -> None:
    assert kinds(caller.post("/predict", body)) == ["object_type"]


@pytest.mark.parametrize("value", [0.5, 2, -1, 1e-300])
def test_the_river_is_there_or_not(caller: Caller, value: float) -> None:
    assert caller.predict(CHAS=value).status_code == 422


def test_each_missing_name_is_told(caller: Caller) -> None:
    answer = caller.post("/predict", b"{}")
    assert kinds(answer) == ["missing"] * sum(not feature.optional for feature in HOUSE.features)


@pytest.mark.parametrize("name", ["RM", "CHAS", r"\u0052M"])
def test_a_repeated_name_is_refused(caller: Caller, name: str) -> None:
    body = GOOD[:-1] + b',"%b":%b}' % (name.encode(), b"6" if "M" in name else b"0")
    assert kinds(caller.post("/predict", body)) == ["repeated_name"]


def test_a_repeated_name_spoils_only_its_row(caller: Caller) -> None:
    body = BATCH % (GOOD, GOOD[:-1] + b',"RM":6.5}')
    answer = caller.post("/predict/batch", body).json()
    assert answer["errors"] == [
        {"index": 1, "errors": [{"loc": ["RM"], "msg": "This name is given more than once", "type": "repeated_name"}]}
    ]


def test_a_repeated_name_is_found_beside_a_row_of_text(caller: Caller) -> None:
    body = b'{"instances":[%b,{"RM":"a \\" b"},%b,{"RM":{"RM":1,"RM":2}}]}' % (GOOD, GOOD[:-1] + b',"RM":6.5}')
    answer = caller.post("/predict/batch", body).json()
    assert [one["index"] for one in answer["errors"]] == [1, 2, 3]
    assert [len(one["errors"]) for one in answer["errors"]] == [10, 1, 10]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"instances":[%b],"instances":[%b]}' % (GOOD, GOOD), "repeated_name"),
        (b'{"instances":[%b],"more":1}' % GOOD, "extra_forbidden"),
        (b'{"instances":[]}', "too_short"),
        (b'{"instances":{}}', "list_type"),
        (b'{"instances":null}', "list_type"),
        (b'{"houses":[]}', "list_type"),
        (b"[]", "list_type"),
    ],
)
def test_a_batch_is_one_list_of_rows(caller: Caller, body: bytes, kind: str) -> None:
    answer = caller.post("/predict/batch", body)
    assert (answer.status_code, kinds(answer)) == (422, [kind])


def test_a_misspelt_name_is_shown(caller: Caller) -> None:
    flaws = caller.predict(PTRATO=15).json()["errors"]
    assert [flaw["loc"] for flaw in flaws] == [["PTRATO"]]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb", "x" * 33, "\u202e", "a b", "é"])
def test_what_the_caller_sent_is_not_repeated(caller: Caller, name: str) -> None:
    for answer in (caller.predict(**{name: 1}), caller.batch({name: "secret"}, EXAMPLE)):
        assert name.strip() not in answer.json().__repr__()
        assert "secret" not in answer.text


def test_at_most_twenty_flaws_are_told_and_all_are_counted(caller: Caller) -> None:
    answer = caller.predict(**{f"X{place}": 1 for place in range(50)}).json()
    assert (len(answer["errors"]), answer["error_count"]) == (20, 50)
    assert "50 values" in answer["detail"]


def test_brackets_without_end_are_not_parsed(caller: Caller) -> None:
    body = BATCH % (GOOD, b'{"RM":[%b]}' % b",".join([b"{}"] * 1000))
    assert caller.post("/predict/batch", body).status_code == 413


def test_a_zero_may_have_a_sign(caller: Caller) -> None:
    assert caller.post("/predict", GOOD.replace(b'"CHAS":0', b'"CHAS":-0')).status_code == 200
    assert caller.predict(ZN=-0.0).json()["prediction"] == caller.predict(ZN=0).json()["prediction"]


def test_numbers_are_read_to_the_last_digit(caller: Caller) -> None:
    for text in (b"6.575", b"6575e-3", b"0.6575E1", b"6.5750000000000000000000001"):
        assert caller.post("/predict", GOOD.replace(b"6.575", text)).status_code == 200
    assert math.isfinite(caller.predict(CRIM=1e-320).json()["prediction"])
