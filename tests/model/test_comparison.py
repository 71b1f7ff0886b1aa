"""When a model is better than the champion, and when it only looks so."""

from __future__ import annotations

import numpy as np
import pytest

from casa.house import Array
from casa.model.comparison import Pair, Verdict, compare, groups_of
from casa.model.ensemble import Prices
from pipeline.train import Rows

ROWS = 120
RANDOM = np.random.default_rng(7)
PRICES = RANDOM.uniform(10, 50, ROWS)
NOISE = RANDOM.normal(0, 3, ROWS)


def model(error: Array, *, half: float = 5.0) -> Prices:
    price = PRICES + error
    return Prices(price, price - half, price + half)


def judged(new: Prices, old: Prices, **groups: Array) -> Verdict:
    return compare(Pair(new, old, PRICES), groups=groups, aim=0.9)


def test_a_clear_gain_is_better() -> None:
    verdict = judged(model(0.8 * NOISE), model(NOISE))
    assert verdict.better
    assert "the gain is" in verdict.reason


def test_the_same_model_is_not_better() -> None:
    verdict = judged(model(NOISE), model(NOISE))
    assert not verdict.better
    assert "a gain of 1% is not certain" in verdict.reason


def test_luck_with_a_few_houses_is_not_better() -> None:
    lucky = NOISE.copy()
    lucky[np.abs(lucky).argmax()] = 0.0
    verdict = judged(model(lucky), model(NOISE))
    assert verdict.figures["rmse"] < 0.99 * verdict.figures["champion_rmse"]
    assert not verdict.better


def test_narrower_intervals_that_hold_fewer_prices_are_worse() -> None:
    verdict = judged(model(0.8 * NOISE, half=1.0), model(NOISE, half=6.0))
    assert not verdict.better
    assert "its intervals hold" in verdict.reason


def test_much_wider_intervals_are_worse() -> None:
    verdict = judged(model(0.8 * NOISE, half=9.0), model(NOISE, half=6.0))
    assert "its intervals are 18.00 wide, the champion's 12.00" in verdict.reason


def test_a_gain_that_a_group_pays_for_is_refused() -> None:
    group = np.arange(ROWS) < 30
    verdict = judged(model(np.where(group, 1.4 * NOISE, 0.2 * NOISE)), model(NOISE), poor=group)
    assert not verdict.better
    assert "it is worse for a group (poor)" in verdict.reason


def test_a_group_of_a_few_houses_says_nothing() -> None:
    group = np.arange(ROWS) < 5
    assert judged(model(np.where(group, 2 * NOISE, 0.3 * NOISE)), model(NOISE), few=group).better


def test_a_verdict_does_not_change_from_one_time_to_the_next() -> None:
    first, second = (judged(model(0.9 * NOISE), model(NOISE)) for _ in range(2))
    assert first == second


def test_each_house_is_in_one_third_by_price(table: Rows) -> None:
    groups = groups_of(table.houses, table.prices)
    thirds = [rows for name, rows in groups.items() if name.endswith("third")]
    assert np.sum(thirds, axis=0).tolist() == [1] * len(table.prices)
    assert groups["on the river"].sum() == pytest.approx(35)
