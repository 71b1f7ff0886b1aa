"""The error without labels, held against the error with them, on houses that the models have not seen."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.model_selection import KFold

from casa.house import HOUSE, Array
from casa.model.ensemble import Prices
from casa.monitoring.drift import Flags, estimate_rmse
from casa.monitoring.reference import Reference
from pipeline import assembly
from pipeline.candidate import Candidate
from pipeline.conformal import calibrate
from pipeline.experiments import CHAMPION
from pipeline.recipe import Recipe
from pipeline.reference import reference
from pipeline.train import Rows

PARAMS = {**CHAMPION, "rounds": 20}


class Held(NamedTuple):
    """Rows that a model has not seen, what it told of them, and its reference."""

    seen: Reference
    rows: Rows
    told: Prices


def hold(train: Rows, test: Rows) -> Held:
    recipe = Recipe(**PARAMS).fit(*train)
    winner = Candidate.of("small", recipe, params=PARAMS, cv_rmse=4.0)
    calibration = calibrate(Recipe(**PARAMS), *train, coverage=0.9, repeats=1, seed=0, workers=1)
    kept = {**reference(*train, bins=10), "rmse_per_width": calibration.rmse_per_width}
    ensemble = assembly.ensemble_of(winner, calibration, coverage=0.9)
    return Held(Reference.from_dict(kept), test, assembly.price(winner, calibration, ensemble, houses=test.houses))


@pytest.fixture(scope="module")
def helds(table: Rows) -> list[Held]:
    """Both halves of the table four times: one split alone says nothing of the error."""
    halves = [split for seed in range(4) for split in KFold(2, shuffle=True, random_state=seed).split(table.houses)]
    return [hold(*(Rows(*(column[places] for column in table)) for places in split)) for split in halves]


def dearest(held: Held) -> Array:
    return held.told.price


def of(name: str, *, sign: int = 1):
    return lambda held: sign * held.rows.houses[:, HOUSE.names.index(name)]


def fifth(held: Held, order) -> Flags:
    """The shift towards one end: only the fifth of the rows that come last in an order."""
    return order(held) >= np.quantile(order(held), 0.8)


def errors(helds: list[Held], order) -> tuple[float, float]:
    """A shift's RMSE by the prices that the houses had, and the one estimated without them."""
    squares = []
    for held in helds:
        chosen = fifth(held, order)
        told = Prices(*(values[chosen] for values in held.told))
        true = np.mean((told.price - held.rows.prices[chosen]) ** 2)
        squares.append((true, estimate_rmse(held.seen, held.seen.count(held.rows.houses[chosen], told)) ** 2))
    return tuple(np.sqrt(np.mean(squares, axis=0)))


def test_five_shifts_are_ranked_by_their_true_error(helds: list[Held]) -> None:
    shifts = [dearest, of("DIS", sign=-1), of("CRIM"), of("LSTAT"), of("AGE", sign=-1)]
    true, estimated = zip(*(errors(helds, order) for order in shifts), strict=True)
    assert spearmanr(true, estimated).statistic >= 0.8


def test_the_estimate_is_near_the_error_where_nothing_moved(helds: list[Held]) -> None:
    true, estimated = errors(helds, lambda held: np.zeros(len(held.rows.prices)))
    # A little over it: the residuals behind it are of models that have seen a fifth less.
    assert estimated == pytest.approx(true, rel=0.25)
