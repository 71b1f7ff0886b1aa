import numpy as np
import pytest

from casa.house import HOUSE
from pipeline.reference import cut, describe
from pipeline.train import Rows


@pytest.mark.parametrize("name", HOUSE.columns)
def test_no_bin_is_empty_of_training_rows(table: Rows, name: str) -> None:
    found = describe(np.column_stack(table)[:, HOUSE.columns.index(name)], bins=10)
    assert min(found["counts"][:-1]) > 0
    assert 2 <= len(found["counts"]) - 1 <= 10
    assert sum(found["counts"]) == 506


def test_two_values_are_two_bins() -> None:
    assert describe(np.repeat([0.0, 1.0], [93, 7]), bins=10)["counts"] == [93, 7, 0]


def test_a_value_that_most_rows_share_has_a_bin_of_its_own() -> None:
    assert cut(np.array([0.0] * 70 + [*range(1, 31)]), bins=10).tolist() == [0.5, 10.5, 20.5]


def test_many_values_are_cut_at_their_quantiles() -> None:
    assert describe(np.random.default_rng(0).random(1000), bins=10)["counts"] == [100] * 10 + [0]


def test_one_value_is_one_bin() -> None:
    assert describe(np.full(9, 3.0), bins=10)["counts"] == [9, 0]
