import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (it makes the next import possible)
from sklearn.impute import IterativeImputer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from casa.house import Array
from pipeline.imputing import SWEEPS, chained, medians
from pipeline.train import Rows


def blank(rows: Array, *, share: float, seed: int) -> Array:
    return np.where(default_rng(seed).random(rows.shape) < share, np.nan, rows)


def test_medians_fill_each_column_with_its_middle_value() -> None:
    assert medians(np.array([[1.0, 5.0], [2.0, np.nan], [9.0, 7.0]])).initial == (2.0, 6.0)


@pytest.mark.parametrize("learn", [medians, chained])
def test_a_column_without_any_value_is_filled_with_zero(table: Rows, learn) -> None:
    houses = table.houses.copy()
    houses[:, 1] = np.nan
    filled = learn(houses).fill(houses)
    np.testing.assert_allclose(filled[:, 1], 0.0, atol=1e-12)
    np.testing.assert_array_equal(np.delete(filled, 1, axis=1), np.delete(houses, 1, axis=1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_saved_steps_fill_gaps_as_scikit_learn_does(table: Rows, share: float) -> None:
    houses = blank(table.houses, share=share, seed=1)
    scaler = StandardScaler().fit(houses)
    theirs = IterativeImputer(Ridge(), max_iter=SWEEPS, keep_empty_features=True).fit(scaler.transform(houses))
    gapped = blank(table.houses, share=0.2, seed=2)
    expected = scaler.inverse_transform(theirs.transform(scaler.transform(gapped)))
    np.testing.assert_allclose(chained(houses).fill(gapped), expected, rtol=0, atol=1e-9)


def test_a_house_is_filled_alike_alone_and_in_a_table(table: Rows) -> None:
    gapped = blank(table.houses, share=0.2, seed=3)
    imputer = chained(gapped)
    alone = np.vstack([imputer.fill(house[None]) for house in gapped])
    np.testing.assert_array_equal(alone, imputer.fill(gapped))
