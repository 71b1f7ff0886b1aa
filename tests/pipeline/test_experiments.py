from typing import Any

import orjson
import pytest
from numpy.random import default_rng

from casa.house import HOUSE
from pipeline.experiments import CHAMPION, SPACE, Draw, cross_validate, search, select
from pipeline.recipe import Recipe
from pipeline.train import Rows

INFORMATIVE = ("NOX", "DIS", "B")

Found = tuple[dict[str, Any], float, list[Draw]]


@pytest.fixture(scope="module")
def made() -> Rows:
    """Houses of which three columns make the price."""
    houses = default_rng(0).normal(size=(60, len(HOUSE.names)))
    return Rows(houses, 20 + houses[:, [HOUSE.names.index(name) for name in INFORMATIVE]] @ [9.0, 5.0, 3.0])


def hunt(rows: Rows, *, workers: int, ticks: list[int]) -> Found:
    knobs = {"features": INFORMATIVE, "draws": 4, "folds": 2, "seed": 3}
    return search(*rows, **knobs, workers=workers, progress=ticks.append)


@pytest.fixture(scope="module")
def found(made: Rows) -> Found:
    return hunt(made, workers=1, ticks=[])


def test_the_number_of_workers_changes_nothing_and_each_draw_is_told(made: Rows, found: Found) -> None:
    ticks: list[int] = []
    assert hunt(made, workers=2, ticks=ticks) == found
    assert ticks == [1, 1, 1, 1]


def test_the_best_draw_is_given_with_its_error(made: Rows, found: Found) -> None:
    params, error, draws = found
    assert error == min(draw.rmse for draw in draws)
    assert error == cross_validate(Recipe(**params), *made, folds=2, repeats=1, seed=3, workers=1)


def test_a_search_stays_in_its_space_and_to_its_features(found: Found) -> None:
    for draw in found[2]:
        assert draw.params["features"] == INFORMATIVE
        assert all(draw.params[name] in values for name, values in SPACE.items())


def test_draws_can_be_written_as_json(found: Found) -> None:
    assert orjson.loads(orjson.dumps(found[2]))[0]["rmse"] == found[2][0].rmse


def test_selection_finds_the_informative_columns(made: Rows) -> None:
    assert set(select(Recipe(), *made, most=3)) == set(INFORMATIVE)


def test_a_feature_of_a_product_counts_as_used(made: Rows) -> None:
    recipe = Recipe(features=("CRIM", "B"), extra_terms=("NOX*B",), rounds=40)
    assert select(recipe, *made, most=1) == ("B",)


def test_features_without_any_weight_keep_their_order(made: Rows) -> None:
    recipe = Recipe(features=("ZN", "B", "AGE"), rounds=0)
    assert select(recipe, *made, most=2) == ("ZN", "B")


def test_every_recipe_meets_the_same_folds(made: Rows) -> None:
    knobs = {"folds": 3, "repeats": 2, "seed": 1}
    one, two = (cross_validate(Recipe(rounds=5), *made, **knobs, workers=workers) for workers in (1, 2))
    assert one == two
    assert one > cross_validate(Recipe(rounds=60), *made, **knobs, workers=1)


def test_the_champion_has_at_most_600_trees_of_depth_4() -> None:
    assert len(CHAMPION["links"]) * CHAMPION["rounds"] <= 600
    assert CHAMPION["max_depth"] <= 4


def test_the_champion_beats_the_defaults(table: Rows) -> None:
    champion, default = (
        cross_validate(recipe, *table, folds=3, repeats=1, seed=0, workers=2)
        for recipe in (Recipe(**CHAMPION), Recipe())
    )
    assert champion < 0.9 * default
