import numpy as np
import pytest

from casa.house import HOUSE, Array
from casa.model.bundle import REFERENCE, Bundle
from casa.model.ensemble import Prices
from casa.monitoring.drift import measure
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows


def ask(seen: Reference, house: list[float]) -> Window:
    return seen.count(np.array([house]), Prices(*np.array([[20.0], [17.0], [22.0]])))


@pytest.fixture
def house() -> list[float]:
    return [feature.example for feature in HOUSE.features]


def test_training_rows_counted_again_are_the_reference(seen: Reference, usual: Window) -> None:
    np.testing.assert_array_equal(usual.counts[:-1], seen.counts[:-1])


def test_every_row_is_in_one_bin_of_every_column(seen: Reference, table: Rows, told: Prices) -> None:
    gaps = np.where(np.random.default_rng(0).random(table.houses.shape) < 0.3, np.nan, table.houses * 3)
    assert (seen.count(gaps, told).counts.sum(axis=1) == 506).all()


def test_a_value_left_out_is_in_the_last_bin_and_in_no_sum(seen: Reference, house: list[float]) -> None:
    window = ask(seen, [np.nan if name == "ZN" else value for name, value in zip(HOUSE.names, house, strict=True)])
    assert window.counts[:, -1].tolist() == [name == "ZN" for name in seen.names]
    assert window.sums[seen.names.index("ZN")] == 0


def test_a_value_outside_the_training_data_is_counted(seen: Reference, house: list[float]) -> None:
    assert ask(seen, house).outside.sum() == 0
    assert ask(seen, [99.0, *house[1:]]).outside.tolist() == [1] + [0] * 13


def test_no_houses_are_no_rows(seen: Reference) -> None:
    assert seen.count(np.empty((0, 13)), Prices(*np.empty((3, 0)))).rows == 0


def test_a_width_is_measured_above_the_price(seen: Reference, house: list[float]) -> None:
    assert ask(seen, house).squared_widths == 4.0


def test_a_column_that_never_changed_is_measured_in_its_own_unit(saved: Bundle, told: Prices, table: Rows) -> None:
    document = saved.document(REFERENCE)
    document["features"]["RAD"] |= {"mean": 1.0, "std": 0.0}
    seen = Reference.from_dict(document)
    houses: Array = table.houses.copy()
    houses[:, seen.names.index("RAD")] = 4.0
    assert measure(seen, seen.count(houses, told)).score[seen.names.index("RAD")] == 3.0
