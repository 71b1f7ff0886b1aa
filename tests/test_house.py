import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from casa.house import HOUSE, Declaration, Feature, House, house_model
from pipeline.reference import reference
from pipeline.validate import table_schema

PORCHES = Feature("PORCHES", "porches of a dwelling", "porches", 0, 4, 1)
WITH_PORCHES = Declaration((*HOUSE.features, PORCHES), HOUSE.target)


def refused(**changes: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        House.model_validate_json(json.dumps({**HOUSE.example, **changes}))
    return [flaw["type"] for flaw in caught.value.errors()]


def test_the_example_is_a_house() -> None:
    assert House.model_validate_json(json.dumps(HOUSE.example)).model_dump() == HOUSE.example


def test_only_the_three_optional_features_may_be_left_out() -> None:
    for feature in HOUSE.features:
        house = {name: value for name, value in HOUSE.example.items() if name != feature.name}
        if feature.optional:
            assert getattr(House.model_validate(house), feature.name) is None
        else:
            with pytest.raises(ValidationError):
                House.model_validate(house)
    assert [f.name for f in HOUSE.features if f.optional] == ["ZN", "INDUS", "CHAS"]


def test_the_training_table_may_lack_what_kaggles_lacks() -> None:
    assert [f.name for f in HOUSE.features if f.gaps] == ["CRIM", "ZN", "INDUS", "CHAS", "AGE", "LSTAT"]


@pytest.mark.parametrize("value", ["6.5", True, False, None, [6.5], {"value": 6.5}])
def test_a_number_is_a_number_and_nothing_else(value: object) -> None:
    assert refused(RM=value) == ["float_type"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_are_finite(text: str) -> None:
    body = json.dumps({**HOUSE.example, "RM": "here"}).replace('"here"', text)
    with pytest.raises(ValidationError):
        House.model_validate_json(body)


def test_the_river_is_there_or_not() -> None:
    assert refused(CHAS=0.5) == refused(CHAS=0.9999999999) == ["zero_or_one"]
    assert House.model_validate({**HOUSE.example, "CHAS": 1}).CHAS == 1  # type: ignore[attr-defined]


def test_unknown_names_are_refused() -> None:
    assert refused(ROOMS=4) == ["extra_forbidden"]


@given(st.sampled_from(HOUSE.features), st.floats(-1, 1000) | st.sampled_from([0.0, 1.0, -0.0]))
def test_a_value_is_taken_exactly_within_its_range(feature: Feature, value: float) -> None:
    fits = feature.low <= value <= feature.high and (not feature.binary or value in (0, 1))
    try:
        House.model_validate({**HOUSE.example, feature.name: value})
    except ValidationError:
        assert not fits
    else:
        assert fits


def test_words_do_not_change_the_digest_but_rules_do() -> None:
    renamed = Declaration((replace(HOUSE.features[0], description="crime"), *HOUSE.features[1:]), HOUSE.target)
    widened = Declaration((replace(HOUSE.features[0], high=101), *HOUSE.features[1:]), HOUSE.target)
    assert renamed.digest == HOUSE.digest != widened.digest


def test_a_fourteenth_feature_arrives_in_the_order_of_columns() -> None:
    assert WITH_PORCHES.names[-1] == "PORCHES"
    assert WITH_PORCHES.columns[-2:] == ("PORCHES", "MEDV")
    assert WITH_PORCHES.digest != HOUSE.digest


def test_a_fourteenth_feature_arrives_in_the_model_of_a_house() -> None:
    model = house_model(WITH_PORCHES)
    model.model_validate({**HOUSE.example, "PORCHES": 2})
    for house in (HOUSE.example, {**HOUSE.example, "PORCHES": 5}):
        with pytest.raises(ValidationError):
            model.model_validate(house)


def test_a_fourteenth_feature_arrives_in_the_tables_schema() -> None:
    assert "PORCHES" in table_schema(WITH_PORCHES).columns


def test_a_fourteenth_feature_arrives_in_the_drift_reference() -> None:
    houses = np.random.default_rng(0).random((50, 14))
    found = reference(houses, houses[:, 0], bins=10, declaration=WITH_PORCHES)
    assert sum(found["features"]["PORCHES"]["counts"]) == 50
