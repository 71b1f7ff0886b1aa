import numpy as np
import pytest
from mapie.regression import CrossConformalRegressor
from numpy.random import default_rng
from sklearn.model_selection import KFold, RepeatedKFold

from casa.house import Array
from casa.model.ensemble import Ensemble, Prices
from pipeline.conformal import FOLDS, Calibration, calibrate, pooled_quantile
from pipeline.recipe import Recipe
from pipeline.train import Rows

RECIPE = Recipe(columns=("A", "B"), features=("A", "B"), rounds=20, max_depth=3)


def draw(count: int, *, seed: int) -> Rows:
    """Houses whose prices are the noisier the larger B is."""
    random = default_rng(seed)
    houses = random.uniform(size=(count, 2))
    return Rows(houses, 20 + 5 * houses[:, 0] + random.normal(size=count) * (0.5 + 4 * houses[:, 1]))


def learn(rows: Rows, *, coverage: float = 0.9, workers: int = 1) -> Calibration:
    return calibrate(RECIPE, *rows, coverage=coverage, repeats=2, seed=0, workers=workers)


def ask(calibration: Calibration, houses: Array) -> Prices:
    recipe = Recipe(**RECIPE.get_params()).fit(*draw(300, seed=0))
    rows = recipe.preprocessor_.transform(houses)
    boosters = [*recipe.boosters_, calibration.booster]
    margins = np.column_stack([booster.inplace_predict(rows, predict_type="margin") for booster in boosters])
    return Ensemble(tuple(recipe.members_), calibration.member, calibration.quantile, 0.9).prices(margins)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return learn(draw(300, seed=0))


def test_intervals_hold_as_many_prices_as_they_should(calibration: Calibration) -> None:
    fresh = draw(4000, seed=1)
    asked = ask(calibration, fresh.houses)
    assert 0.86 < np.mean((asked.low <= fresh.prices) & (fresh.prices <= asked.high)) < 0.94


def test_intervals_are_wider_where_prices_are_harder(calibration: Calibration) -> None:
    easy, hard = ask(calibration, np.array([[0.5, 0.05], [0.5, 0.95]]))[1:]
    narrow, wide = hard - easy
    assert wide > 2 * narrow


def test_more_coverage_needs_wider_intervals() -> None:
    rows = draw(60, seed=2)
    quantiles = [learn(rows, coverage=coverage).quantile for coverage in (0.5, 0.8, 0.95)]
    assert quantiles == sorted(set(quantiles))


def test_the_number_of_workers_changes_nothing() -> None:
    one, two = (learn(draw(60, seed=2), workers=workers) for workers in (1, 2))
    assert one.quantile == two.quantile
    assert bytes(one.booster.save_raw("ubj")) == bytes(two.booster.save_raw("ubj"))
    np.testing.assert_array_equal(one.residuals, two.residuals)


def test_residuals_come_from_models_that_have_not_seen_the_house(calibration: Calibration) -> None:
    rows = draw(300, seed=0)
    train, held = next(RepeatedKFold(n_splits=FOLDS, n_repeats=2, random_state=0).split(rows.houses))
    theirs = Recipe(**RECIPE.get_params()).fit(rows.houses[train], rows.prices[train]).predict(rows.houses[held])
    np.testing.assert_array_equal(calibration.residuals[0, held], theirs - rows.prices[held])
    assert calibration.residuals.shape == (2, 300)


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_the_quantile_is_mapies_for_plain_residuals(coverage: float) -> None:
    rows = draw(97, seed=3)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    theirs = CrossConformalRegressor(RECIPE, confidence_level=coverage, method="base", cv=folds)
    _, ends = theirs.fit_conformalize(*rows).predict_interval(rows.houses)
    residuals = calibrate(RECIPE, *rows, coverage=coverage, repeats=1, seed=0, workers=1).residuals
    ours = pooled_quantile(np.abs(residuals), coverage=coverage)
    np.testing.assert_allclose((ends[:, 1] - ends[:, 0]).ravel() / 2, ours, rtol=1e-9)


def test_the_quantile_is_corrected_for_the_number_of_houses() -> None:
    scores = np.arange(1.0, 20.0)[None]  # of 19, rank ceil(20 x 0.9) = 18
    assert pooled_quantile(scores, coverage=0.9) == 18
    assert pooled_quantile(scores, coverage=0.99) == 19


def test_repeating_the_same_scores_changes_nothing() -> None:
    scores = default_rng(4).exponential(size=(1, 50))
    assert pooled_quantile(np.tile(scores, (3, 1)), coverage=0.9) == pooled_quantile(scores, coverage=0.9)
