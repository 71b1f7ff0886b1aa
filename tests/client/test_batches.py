"""Every house of a batch has its price, or what is wrong with it."""

import json
from typing import Any

import pytest

from casa import AsyncClient, Client
from casa.client import House
from casa.errors import CasaError, InvalidHouse, InvalidSettings, Unavailable
from casa.house import HOUSE

EXAMPLE: dict[str, float | None] = {feature.name: feature.example for feature in HOUSE.features}


def refused(*flaws: object) -> tuple[int, dict[str, str], bytes]:
    """A 422 with these flaws."""
    return 422, {}, json.dumps({"detail": "the words", "errors": flaws}).encode()


def flaw(*loc: str | int) -> dict[str, Any]:
    return {"loc": loc, "msg": "The server's rule", "type": "theirs"}


@pytest.mark.parametrize("house", [{}, {"RM": 6.0}, EXAMPLE | {"RM": 99.0}])
def test_a_part_without_a_good_house_is_told_house_by_house(client: Client, house: House) -> None:
    with pytest.raises(InvalidHouse) as caught:
        client.predict(house)
    for outcome in client.predict_batch([house] * 45):
        assert [error.model_dump() for error in outcome.errors] == caught.value.flaws


def test_each_house_of_a_refused_part_has_its_own_flaws(client: Client) -> None:
    outcomes = client.predict_batch([{**EXAMPLE, name: 1e6} for name in HOUSE.names] + [{}] * 7)
    assert [outcome.errors[0].loc for outcome in outcomes[:13]] == [[name] for name in HOUSE.names]
    assert {len(outcome.errors) for outcome in outcomes[13:]} == {10}


def test_a_house_that_only_the_server_finds_fault_with_is_told_apart(play: Any) -> None:
    script = play(refused(flaw("instances", 0, "RM")))
    with Client(script.address) as client:
        told, untold = client.predict_batch([EXAMPLE, EXAMPLE])
    assert [error.type for error in told.errors] == ["theirs"]
    assert [error.msg for error in untold.errors] == ["The service refused this house and did not say why"]


def test_a_refusal_that_names_no_house_is_one_of_the_call(play: Any) -> None:
    script = play(refused(flaw("instances")))
    with Client(script.address) as client, pytest.raises(InvalidHouse, match="the words"):
        client.predict_batch([EXAMPLE])


def test_prices_that_are_not_one_a_house_are_none_of_casas(play: Any) -> None:
    answer = {"predictions": [], "errors": [], "model_name": "casa", "model_version": "v", "features_used": []}
    script = play((200, {}, json.dumps(answer | {"inference_time": 1.0, "request_id": "r"}).encode()))
    with Client(script.address) as client, pytest.raises(Unavailable, match="no answer of Casa's"):
        client.predict_batch([EXAMPLE])


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("most", [0, -1])
def test_a_row_limit_below_one_is_refused(kind: type[Client | AsyncClient], most: int) -> None:
    with pytest.raises(InvalidSettings, match="max_rows must be 1 or more"):
        kind(max_rows=most)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(CasaError, match="timeout_seconds must be above 0 and at most 86,400"):
        Client(timeout_seconds=seconds)
