"""The champion's recipe is as good as the last run of the pipeline says, on houses it has not seen."""

from pathlib import Path

import orjson
import pandas as pd
import pytest

from casa.house import HOUSE
from pipeline.experiments import CHAMPION
from pipeline.ingest import bundled
from pipeline.params import load_params
from pipeline.prepare import split
from pipeline.recipe import Recipe
from pipeline.scores import scores

RECORDED = Path(__file__).parents[2] / "reports/metrics.json"


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    """The recipe's scores on the pipeline's own held-out rows."""
    knobs = load_params().prepare
    train, test = split(bundled(), share=knobs.test_share, seed=knobs.seed)
    recipe = Recipe(**CHAMPION).fit(*parted(train))
    houses, prices = parted(test)
    return scores(prices, recipe.predict(houses))


def parted(table: pd.DataFrame) -> tuple[object, object]:
    return table[list(HOUSE.names)].to_numpy(), table[HOUSE.target.name].to_numpy()


def test_prices_are_near_what_was_paid(figures: dict[str, float]) -> None:
    assert figures["rmse"] < 5.0
    assert figures["r2"] > 0.7


def test_the_recipe_is_no_worse_than_recorded(figures: dict[str, float]) -> None:
    recorded = orjson.loads(RECORDED.read_bytes())["test"]["rmse"]["value"]
    assert figures["rmse"] < recorded * 1.1
