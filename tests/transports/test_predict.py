import math
from typing import Any

import numpy as np
import pytest

from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.transports.schema import Price, Prices
from tests.transports.caller import EXAMPLE, REQUIRED, Caller

CASES = [
    {},
    {"CHAS": 1},
    {"CRIM": 99.0},
    {"ZN": None, "INDUS": None, "CHAS": None},
    {"ZN": -0.0},
    {"RM": 3, "AGE": 100},
]


def priced(pricer: Pricer, house: dict[str, Any]) -> list[float]:
    row = [math.nan if house.get(name) is None else house[name] for name in HOUSE.names]
    return [float(column[0]) for column in pricer.price(np.array([row], dtype=np.float64))]


@pytest.mark.parametrize("changes", CASES)
def test_a_house_gets_the_pricers_digits(caller: Caller, pricer: Pricer, changes: dict[str, Any]) -> None:
    answer = caller.predict(**changes).json()
    interval = answer["interval"]
    assert [answer["prediction"], interval["low"], interval["high"]] == priced(pricer, {**EXAMPLE, **changes})


def test_an_answer_has_the_promised_shape_and_no_more(caller: Caller) -> None:
    answer = caller.predict().json()
    assert Price.model_validate(answer, strict=True).model_dump() == answer
    assert (answer["model_name"], answer["warnings"]) == ("casa", [])


def test_a_value_left_out_is_a_null(caller: Caller) -> None:
    absent, null = caller.post("/predict", REQUIRED).json(), caller.predict(ZN=None, INDUS=None, CHAS=None).json()
    assert absent["prediction"] == null["prediction"]


def test_a_value_outside_the_training_data_is_warned_about(caller: Caller) -> None:
    (warning,) = caller.predict(CRIM=99.5).json()["warnings"]
    assert (warning["feature"], warning["reason"]) == ("CRIM", "outside training data")


def test_a_sane_request_id_is_repeated(caller: Caller) -> None:
    answer = caller.post("/predict", EXAMPLE, x_request_id="order-7.a_B")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "order-7.a_B"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a;b", "<b>", "ä", "a\tb"])
def test_another_request_id_is_replaced(caller: Caller, given: str) -> None:
    answer = caller.post("/predict", EXAMPLE, x_request_id=given.encode())  # type: ignore[arg-type]
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_bad_row_spoils_only_itself(caller: Caller) -> None:
    answer = caller.batch(EXAMPLE, {**EXAMPLE, "RM": 99}, REQUIRED, 7).json()
    assert [one is None for one in answer["predictions"]] == [False, True, False, True]
    assert [(one["index"], one["errors"][0]["type"]) for one in answer["errors"]] == [
        (1, "less_than_equal"),
        (3, "object_type"),
    ]


def test_a_batch_has_the_promised_shape_and_no_more(caller: Caller) -> None:
    answer = caller.batch(EXAMPLE, {**EXAMPLE, "RM": 99}).json()
    assert Prices.model_validate(answer, strict=True).model_dump() == answer


def test_a_house_costs_the_same_alone_and_in_a_batch(caller: Caller) -> None:
    alone = caller.predict(CRIM=80).json()
    assert caller.batch(EXAMPLE, {**EXAMPLE, "CRIM": 80}).json()["predictions"][1] == {
        name: alone[name] for name in ("prediction", "interval", "warnings")
    }


def test_a_batch_without_a_good_row_is_refused(caller: Caller) -> None:
    answer = caller.batch({**EXAMPLE, "RM": 99}, "house")
    assert answer.status_code == 422
    assert [flaw["loc"] for flaw in answer.json()["errors"]] == [["instances", 0, "RM"], ["instances", 1]]


def test_too_many_rows_are_refused(caller: Caller) -> None:
    assert caller.batch(*[EXAMPLE] * 50).status_code == 200
    assert caller.batch(*[EXAMPLE] * 51).status_code == 413
    assert caller.batch(*[1] * 51).status_code == 413


def test_a_bodys_size_is_limited(caller: Caller) -> None:
    assert caller.post("/predict", b" " * (64 * 1024 + 1)).status_code == 413
    assert caller.post("/predict/batch", b" " * (4 * 1024 * 1024 + 1)).status_code == 413
