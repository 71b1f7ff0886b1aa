import inspect
import warnings

import numpy as np
import pytest
import xgboost as xgb
from numpy.random import default_rng
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from casa.house import HOUSE, Array
from casa.model.preprocessor import Preprocessor
from pipeline.experiments import CHAMPION
from pipeline.recipe import Recipe, fit_preprocessor
from pipeline.train import Rows

SMALL = {**CHAMPION, "rounds": 10, "copies": 2}
GAPPED = [HOUSE.names.index(feature.name) for feature in HOUSE.features if feature.gaps]


def blank(houses: Array) -> Array:
    blanked = houses.copy()
    blanked[:, GAPPED] = np.where(default_rng(0).random((len(houses), len(GAPPED))) < 0.05, np.nan, houses[:, GAPPED])
    return blanked


@pytest.fixture(scope="module")
def fitted(table: Rows) -> Recipe:
    return Recipe(**SMALL).fit(blank(table.houses), table.prices)


def test_the_defaults_are_those_of_xgboost(table: Rows) -> None:
    rows = StandardScaler().fit_transform(table.houses).astype(np.float32)
    theirs = xgb.XGBRegressor(base_score=table.prices.mean(), n_jobs=1).fit(rows, table.prices)
    ours = Recipe().fit(*table)
    np.testing.assert_allclose(ours.predict(table.houses), theirs.predict(rows), rtol=0, atol=0.01)


def test_the_same_seed_gives_the_same_bits(fitted: Recipe, table: Rows) -> None:
    again = clone(fitted).fit(blank(table.houses), table.prices)
    np.testing.assert_array_equal(again.predict(table.houses), fitted.predict(table.houses))


def test_another_seed_gives_other_prices(fitted: Recipe, table: Rows) -> None:
    other = clone(fitted).set_params(seed=1).fit(blank(table.houses), table.prices)
    assert not np.array_equal(other.predict(table.houses), fitted.predict(table.houses))


def test_boosters_of_one_link_differ_by_their_noise_and_sample(fitted: Recipe) -> None:
    raw = [bytes(booster.save_raw("ubj")) for booster in fitted.boosters_]
    assert len(set(raw)) == len(CHAMPION["links"])


def test_a_clone_has_the_same_parameters_and_nothing_learned(fitted: Recipe) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "boosters_")


def test_every_parameter_is_plain() -> None:
    for parameter in inspect.signature(Recipe).parameters.values():
        assert isinstance(parameter.default, (int, float, bool, tuple))


def test_a_preprocessor_that_was_learned_already_is_kept(table: Rows) -> None:
    prepared = fit_preprocessor(table.houses[:100])
    assert Recipe(rounds=1).fit(*table, preprocessor=prepared).preprocessor_ is prepared


def test_nothing_is_learned_from_the_prices_before_the_trees(table: Rows) -> None:
    one, other = (Recipe(**SMALL).fit(table.houses, prices) for prices in (table.prices, table.prices[::-1]))
    assert one.preprocessor_ == other.preprocessor_


def test_a_price_hangs_on_its_own_house_only(fitted: Recipe, table: Rows) -> None:
    houses = blank(table.houses)[:20]
    alone = np.concatenate([fitted.predict(house[None]) for house in houses])
    np.testing.assert_array_equal(alone, fitted.predict(houses))


def test_gaps_in_every_column_still_get_a_price(fitted: Recipe) -> None:
    (price,) = fitted.predict(np.full((1, len(HOUSE.names)), np.nan))
    assert 5 < price < 50


def test_the_least_weight_of_a_leaf_counts_houses_not_their_copies() -> None:
    houses, prices = default_rng(1).normal(size=(40, 2)), np.repeat([1.0, 2.0], 20)
    plain = {"columns": ("A", "B"), "features": ("A", "B"), "rounds": 1, "copies": 3, "noise": 0.01}
    (booster,) = Recipe(**plain, min_child_weight=15).fit(houses, prices).boosters_
    leaves = booster.trees_to_dataframe().query("Feature == 'Leaf'")
    assert leaves["Cover"].min() >= 4 * 15


def test_terms_are_the_features_then_the_extra_ones(fitted: Recipe) -> None:
    assert fitted.preprocessor_.terms == (*HOUSE.names, *CHAMPION["extra_terms"])
    assert fitted.boosters_[0].num_features() == len(fitted.preprocessor_.terms)


def test_terms_of_the_training_houses_are_standardised(table: Rows) -> None:
    terms = fit_preprocessor(table.houses, terms=("RM", "TAX/RM"), chain=True).transform(table.houses)
    np.testing.assert_allclose([terms.mean(axis=0), terms.std(axis=0)], [[0, 0], [1, 1]], atol=1e-5)


def test_a_log_starts_at_the_least_positive_value() -> None:
    houses = np.array([[0.0, np.nan], [0.5, 0.0], [3.0, -1.0]])
    made = fit_preprocessor(houses, columns=("A", "B"), terms=("A", "B"), logs=("A", "B"))
    assert made.floors == {"A": 0.5, "B": 1.0}


def test_nothing_warns_on_a_table_without_variety() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recipe(**SMALL).fit(np.tile([*HOUSE.example.values()], (30, 1)), np.full(30, 20.0))


def test_a_saved_preprocessor_gives_the_recipes_own_rows(fitted: Recipe, table: Rows) -> None:
    saved = Preprocessor.from_dict(fitted.preprocessor_.to_dict())
    np.testing.assert_array_equal(saved.transform(table.houses), fitted.preprocessor_.transform(table.houses))
