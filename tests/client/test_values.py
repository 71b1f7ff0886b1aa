"""What a house's values may be in Python, and what becomes of those that JSON has no number for."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from casa import Client
from casa.client import House
from casa.errors import InvalidHouse, NotFound
from casa.house import HOUSE

EXAMPLE: dict[str, Any] = {feature.name: feature.example for feature in HOUSE.features}
WITHOUT_ZN: House = {name: value for name, value in EXAMPLE.items() if name != "ZN"}


@pytest.mark.parametrize("six", [6, np.float64(6), np.float32(6), np.int64(6), np.uint8(6), Decimal(6), Fraction(6)])
def test_every_kind_of_number_is_a_number(client: Client, six: Any) -> None:
    assert client.predict(EXAMPLE | {"RM": six}).prediction == client.predict(EXAMPLE | {"RM": 6.0}).prediction
    assert client.explain(EXAMPLE | {"RM": six}).prediction == client.explain(EXAMPLE | {"RM": 6.0}).prediction


@pytest.mark.parametrize("nan", [math.nan, np.float32("nan"), Decimal("nan")])
def test_nan_is_a_value_left_out(client: Client, nan: Any) -> None:
    assert client.predict(EXAMPLE | {"ZN": nan}).prediction == client.predict(WITHOUT_ZN).prediction
    with pytest.raises(InvalidHouse) as caught:
        client.predict(EXAMPLE | {"RM": nan})
    assert [(flaw["loc"], flaw["type"]) for flaw in caught.value.flaws] == [(["RM"], "missing")]


@pytest.mark.parametrize(
    "value",
    [
        math.inf,
        -math.inf,
        10**400,
        10**5000,
        np.float32("inf"),
        Decimal("sNaN"),
        True,
        np.True_,
        "6",
        "\ud800",
        [6],
        {6},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_spoils_only_its_house(client: Client, value: Any) -> None:
    good, bad, last = client.predict_batch([EXAMPLE, EXAMPLE | {"RM": value}, EXAMPLE])
    assert [(flaw.loc, flaw.msg) for flaw in bad.errors] == [(["RM"], "Input should be a valid number")]
    assert (bad.price, good.price, last.row) == (None, last.price, 2)
    with pytest.raises(InvalidHouse, match="1 value of the request cannot be used"):
        client.predict(EXAMPLE | {"RM": value})


@pytest.mark.parametrize("house", [None, "a house", [EXAMPLE], 6])
def test_what_is_no_house_spoils_only_itself(client: Client, house: Any) -> None:
    outcomes = client.predict_batch([house, EXAMPLE])
    assert [[flaw.type for flaw in outcome.errors] for outcome in outcomes] == [["object_type"], []]


@pytest.mark.parametrize("name", [6, None, ("RM", "max")])
def test_a_name_of_any_kind_is_one_that_no_feature_has(client: Client, name: Any) -> None:
    outcomes = client.predict_batch([{**EXAMPLE, name: 6.0}, EXAMPLE])
    assert [[flaw.type for flaw in outcome.errors] for outcome in outcomes] == [["extra_forbidden"], []]


@pytest.mark.parametrize("price", [math.nan, math.inf, np.float32("nan"), "24", None])
def test_a_price_that_is_no_number_is_told(client: Client, price: Any) -> None:
    with pytest.raises(InvalidHouse) as caught:
        client.give_feedback("nobody", price)
    assert [flaw["loc"] for flaw in caught.value.flaws] == [["price"]]


def test_feedback_takes_numbers_of_every_kind(client: Client) -> None:
    told = client.predict(EXAMPLE).request_id
    with pytest.raises(NotFound):
        client.give_feedback("nobody", np.float32(24), row=np.int64(0))  # type: ignore[arg-type]
    assert client.give_feedback(told, np.float32(24), row=np.int64(0)).price == 24  # type: ignore[arg-type]
