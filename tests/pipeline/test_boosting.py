import numpy as np
import pytest
import xgboost as xgb
from numpy.random import default_rng

from casa.model.engine import BoosterEngine, OnnxEngine
from casa.model.preprocessor import Matrix
from pipeline.boosting import boost, on_grid, onnx_graph

PARAMS = {"max_depth": 4, "learning_rate": 0.3, "subsample": 0.7}


def draw(count: int, *, seed: int) -> Matrix:
    return default_rng(seed).normal(size=(count, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def boosters() -> list[xgb.Booster]:
    rows = draw(500, seed=0)
    target = rows[:, 0].astype(np.float64) * 7 + np.sin(rows[:, 1] * 3)
    return [boost(rows, target * scale, params=PARAMS, rounds=60) for scale in (1, 0.01, 300)]


@pytest.fixture(scope="module")
def engines(boosters: list[xgb.Booster]) -> tuple[OnnxEngine, BoosterEngine]:
    return OnnxEngine(onnx_graph(boosters)), BoosterEngine([bytes(b.save_raw("ubj")) for b in boosters])


@pytest.mark.parametrize("count", [1, 2, 7, 64, 100, 1000, 3000])
def test_both_engines_give_the_same_bits(engines: tuple[OnnxEngine, BoosterEngine], count: int) -> None:
    onnx, booster = engines
    rows = draw(count, seed=count)
    np.testing.assert_array_equal(onnx.margins(rows), booster.margins(rows))


@pytest.mark.parametrize("place", [0, 1])
def test_a_row_gets_the_same_bits_alone_and_in_a_table(engines: tuple[OnnxEngine, BoosterEngine], place: int) -> None:
    rows = draw(300, seed=1)
    alone = np.vstack([engines[place].margins(row[None]) for row in rows])
    np.testing.assert_array_equal(alone, engines[place].margins(rows))


def test_engines_agree_on_the_thresholds_themselves(
    boosters: list[xgb.Booster], engines: tuple[OnnxEngine, BoosterEngine]
) -> None:
    splits = boosters[0].trees_to_dataframe().query("Feature != 'Leaf'")
    rows = draw(len(splits), seed=2)
    places = splits["Feature"].str.removeprefix("f").astype(int)
    rows[np.arange(len(splits)), places] = splits["Split"].astype(np.float32)
    np.testing.assert_array_equal(engines[0].margins(rows), engines[1].margins(rows))


def test_the_order_of_the_leaves_does_not_change_their_sum(boosters: list[xgb.Booster]) -> None:
    leaves = boosters[0].trees_to_dataframe().query("Feature == 'Leaf'").groupby("Tree")["Gain"].max()
    values = leaves.to_numpy(np.float32)
    sums = {float(np.cumsum(default_rng(seed).permutation(values))[-1]) for seed in range(50)}
    assert len(sums) == 1


def test_the_grid_hardly_moves_a_margin() -> None:
    rows = draw(500, seed=3)
    data = xgb.DMatrix(rows, label=rows[:, 0])
    booster = xgb.train({"base_score": 0.0, "nthread": 1}, data, num_boost_round=50)
    moved = on_grid(booster).inplace_predict(rows)
    np.testing.assert_allclose(moved, booster.inplace_predict(rows), rtol=0, atol=1e-5)


def test_the_same_rows_give_the_same_bytes() -> None:
    rows = draw(100, seed=4)
    one, two = (boost(rows, rows[:, 0], params=PARAMS, rounds=5).save_raw("ubj") for _ in range(2))
    assert bytes(one) == bytes(two)


def test_a_target_that_never_varies_gives_zero() -> None:
    rows = draw(50, seed=5)
    np.testing.assert_array_equal(boost(rows, np.zeros(50), params=PARAMS, rounds=3).inplace_predict(rows), 0.0)
