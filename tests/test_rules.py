"""The rules say of many houses what the API's model says of one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casa.house import HOUSE, Feature, House
from casa.rules import Rules

RULES = Rules()
VALUES = st.one_of(
    st.none(),
    st.just("text"),
    st.floats(allow_nan=False),
    st.floats(min_value=-1, max_value=1000),
    st.sampled_from([edge for feature in HOUSE.features for edge in (feature.low, feature.high)]),
)


def by_pydantic(house: dict[str, object]) -> list[tuple[str, str, str]]:
    try:
        House.model_validate({name: value for name, value in house.items() if value is not None})
    except ValidationError as error:
        return [(str(flaw["loc"][0]), flaw["msg"], flaw["type"]) for flaw in error.errors()]
    return []


def by_rules(house: dict[str, object], rules: Rules = RULES) -> list[tuple[str, str, str]]:
    text = np.array([[isinstance(value, str) for value in house.values()]])
    numbers = [value if isinstance(value, int | float) else math.nan for value in house.values()]
    codes = rules.codes(np.array([numbers], dtype=np.float64), text)[0].tolist()
    flaws = [rules.flaw(place, code) for place, code in enumerate(codes) if code]
    return [(str(flaw["loc"][0]), flaw["msg"], flaw["type"]) for flaw in flaws]


@given(st.tuples(*[VALUES] * len(HOUSE.names)))
def test_they_say_what_pydantic_says(values: tuple[object, ...]) -> None:
    house = dict(zip(HOUSE.names, values, strict=True))
    assert by_rules(house) == by_pydantic(house)


@pytest.mark.parametrize("value", [0, 1, 0.5, 1 + 1e-12, 1 - 1e-12, -1, 2, 1.5, math.inf])
def test_a_binary_value_is_0_or_1(value: float) -> None:
    house = {**HOUSE.example, "CHAS": value}
    assert by_rules(house) == by_pydantic(house)


def test_a_new_feature_has_its_rules() -> None:
    pool = Feature("POOL", "metres of the pool", "m", 0, 50, 0)
    wider = replace(HOUSE, features=(*HOUSE.features, pool))
    found = by_rules({**HOUSE.example, "POOL": 51}, Rules(wider))
    assert found == [("POOL", "Input should be less than or equal to 50", "less_than_equal")]
