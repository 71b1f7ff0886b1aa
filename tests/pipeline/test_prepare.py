from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casa.errors import InvalidTable
from casa.house import HOUSE
from pipeline import prepare
from pipeline.params import load_params
from pipeline.prepare import split, uniform_hash
from pipeline.table import read_table, write_table
from pipeline.train import Rows


@pytest.fixture
def houses(table: Rows) -> pd.DataFrame:
    return pd.DataFrame(np.column_stack(table), columns=list(HOUSE.columns))


def test_about_a_fifth_is_held_out(houses: pd.DataFrame) -> None:
    train, test = split(houses, share=0.2, seed=0)
    assert len(train) + len(test) == 506
    assert 0.15 < len(test) / 506 < 0.25


def test_rows_that_come_later_move_nobody(houses: pd.DataFrame) -> None:
    later = houses.assign(RM=houses["RM"] + 0.001)
    _, before = split(houses, share=0.2, seed=0)
    _, after = split(pd.concat([later, houses], ignore_index=True), share=0.2, seed=0)
    merged = after.merge(houses, how="inner", on=list(HOUSE.columns))
    pd.testing.assert_frame_equal(merged.reset_index(drop=True), before)


def test_another_seed_is_another_split(houses: pd.DataFrame) -> None:
    _, one = split(houses, share=0.2, seed=0)
    _, other = split(houses, share=0.2, seed=1)
    assert not one.equals(other)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=14, max_size=14), st.integers(0, 2**32 - 1))
def test_a_rows_place_is_its_values_alone(values: list[float], seed: int) -> None:
    row = np.array([values])
    alone = uniform_hash(row, seed=seed)
    assert 0 <= alone[0] < 1 or alone[0] == 1.0
    assert uniform_hash(np.vstack([np.zeros((1, 14)), row]), seed=seed)[1] == alone[0]


def test_every_nan_and_every_zero_is_the_same() -> None:
    rows = np.array([[np.nan, 0.0], [-np.nan, -0.0]])
    assert len(set(uniform_hash(rows, seed=0))) == 1


def test_a_doubled_row_is_kept_once(houses: pd.DataFrame, tmp_path: Path) -> None:
    write_table(pd.concat([houses, houses]), tmp_path / "data/houses.csv")
    prepare.run(load_params(), tmp_path)
    assert sum(len(read_table(tmp_path / f"data/{side}.csv")) for side in ("train", "test")) == 506


def test_what_is_learned_is_learned_from_training_rows(houses: pd.DataFrame, tmp_path: Path) -> None:
    write_table(houses, tmp_path / "data/houses.csv")
    prepare.run(load_params(), tmp_path)
    learned = pd.read_json(tmp_path / "data/preprocessor.json", typ="series")
    train = read_table(tmp_path / "data/train.csv")[list(HOUSE.names)]
    np.testing.assert_allclose(learned["mean"], train.mean())
    np.testing.assert_allclose(learned["initial"], train.median())


def test_too_few_rows_are_refused(houses: pd.DataFrame, tmp_path: Path) -> None:
    write_table(houses.head(20), tmp_path / "data/houses.csv")
    with pytest.raises(InvalidTable, match="20 different rows are too few"):
        prepare.run(load_params(), tmp_path)
