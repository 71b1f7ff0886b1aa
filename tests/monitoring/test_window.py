import numpy as np
import orjson

from casa.model.ensemble import Prices
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows


def assert_equal(one: Window, other: Window) -> None:
    for name, value in one.to_dict().items():
        np.testing.assert_allclose(value, other.to_dict()[name], rtol=1e-12)


def test_windows_of_two_replicas_add_up_to_the_window_of_all_rows(
    seen: Reference, table: Rows, told: Prices, usual: Window
) -> None:
    halves = [slice(None, 200), slice(200, None)]
    one, two = (seen.count(table.houses[half], Prices(*(values[half] for values in told))) for half in halves)
    assert_equal(one + two, usual)
    assert (one.rows, two.rows) == (200, 306)


def test_the_window_of_no_rows_changes_nothing(seen: Reference, usual: Window) -> None:
    assert seen.nothing.rows == 0
    assert_equal(usual + seen.nothing, usual)


def test_a_window_comes_back_from_json_to_the_digit(usual: Window) -> None:
    saved = orjson.loads(orjson.dumps(usual.to_dict()))
    again = Window.from_dict(saved)
    assert again.to_dict() == usual.to_dict()
    assert again.counts.dtype == usual.counts.dtype
