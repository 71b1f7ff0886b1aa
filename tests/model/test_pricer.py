import math

import numpy as np
import pytest

from casa.house import HOUSE, Array
from casa.model.bundle import GOLDEN, GRAPH, Bundle
from casa.model.engine import BoosterEngine, OnnxEngine
from casa.model.pricer import Pricer
from pipeline.train import Rows


def random_houses(count: int, *, gaps: bool = False) -> Array:
    rng = np.random.default_rng(5)
    low, high = (np.array([getattr(f, end) for f in HOUSE.features]) for end in ("low", "high"))
    houses = rng.uniform(low, high, size=(count, len(HOUSE.names)))
    for place, feature in enumerate(HOUSE.features):
        if feature.binary:
            houses[:, place] = houses[:, place] > 0.5
        if feature.optional and gaps:
            houses[rng.random(count) < 0.5, place] = np.nan
    return houses


@pytest.fixture(params=["table", "random", "gaps"])
def houses(request: pytest.FixtureRequest, table: Rows) -> Array:
    if request.param == "table":
        return table.houses
    return random_houses(10_000, gaps=request.param == "gaps")


def test_onnx_runtime_and_xgboost_give_the_same_bits(saved: Bundle, houses: Array) -> None:
    rows = saved.preprocessor.transform(houses)
    ours, theirs = OnnxEngine(saved.files[GRAPH]).margins(rows), BoosterEngine(saved.boosters).margins(rows)
    np.testing.assert_array_equal(ours, theirs)


def test_a_house_costs_the_same_alone_and_in_a_batch(pricer: Pricer, houses: Array) -> None:
    batch = pricer.price(houses)
    for place in range(0, len(houses), 97):
        alone = pricer.price(houses[place : place + 1])
        assert [column[0] for column in alone] == [column[place] for column in batch]


def test_a_price_lies_in_its_interval(pricer: Pricer, houses: Array) -> None:
    price, low, high = pricer.price(houses)
    assert ((low <= price) & (price <= high) & (low >= 0)).all()
    assert np.isfinite([price, low, high]).all()


def test_no_houses_have_no_prices(pricer: Pricer) -> None:
    assert [len(column) for column in pricer.price(np.empty((0, 13)))] == [0, 0, 0]


def test_golden_prices_are_given_again(pricer: Pricer) -> None:
    golden = pricer.bundle.document(GOLDEN)
    houses = np.array([[one["house"].get(name, math.nan) for name in HOUSE.names] for one in golden])
    assert pricer.price(houses).price.tolist() == [one["price"] for one in golden]


def test_a_value_outside_the_training_data_is_warned_about(pricer: Pricer) -> None:
    house = [*HOUSE.example.values()]
    assert pricer.warnings(house) == []
    (warning,) = pricer.warnings([99.0, *house[1:]])
    assert (warning["feature"], warning["reason"]) == ("CRIM", "outside training data")
    assert warning["low"] < 1 < warning["high"] < 99


def test_a_value_left_out_is_no_warning(pricer: Pricer) -> None:
    assert pricer.warnings([math.nan if f.optional else f.example for f in HOUSE.features]) == []
