"""Measure the winner once on the test rows, calibrate its interval, and assemble the bundle.

Example: python -m pipeline.evaluate   (reads artifacts/candidates and data/, writes artifacts/bundle and reports/)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Prices
from casa.model.explain import Explainer
from casa.model.forest import join
from pipeline import assembly, plots, scores, tracking
from pipeline.candidate import Candidate
from pipeline.card import card
from pipeline.conformal import Calibration, calibrate
from pipeline.lineage import lineage
from pipeline.params import Params
from pipeline.recipe import Recipe
from pipeline.stage import stage, working
from pipeline.table import write_file
from pipeline.train import Rows, read_rows

GROUP_COLUMN = "B"
GROUP_QUANTILES = (0.0, 0.1, 0.25, 1.0)
"""Three groups of tracts: the tenth with the lowest B, the next 15 %, and the rest."""


class Outcome(NamedTuple):
    """The winner on the test rows."""

    winner: Candidate
    calibration: Calibration
    test: Rows
    predicted: Prices


def run(params: Params, folder: Path) -> None:
    """The stage, on the files under `folder`."""
    train, test = read_rows(folder / "data/train.csv"), read_rows(folder / "data/test.csv")
    table = orjson.loads((folder / "artifacts/experiments.json").read_bytes())
    candidates = [Candidate.load(folder / "artifacts/candidates" / one["name"]) for one in table["experiments"]]
    with working("calibrating the interval and drawing the plots"):
        outcome = _outcome(next(c for c in candidates if c.name == table["winner"]), train, test, params=params)
        metrics = measure(outcome, candidates, table["experiments"], train=train, params=params)
        pictures = draw(outcome)
    _write_reports(metrics, outcome, pictures, folder=folder)
    runs = orjson.loads((folder / "artifacts/runs.json").read_bytes())
    papers = _papers(metrics, pictures, lineage(params, runs.get(outcome.winner.name), folder=folder))
    files = _assemble(outcome, train, papers, params=params)
    bundle.write(folder / "artifacts/bundle", files)
    _log(metrics, candidates, test, runs, pictures=pictures, folder=folder)


def _outcome(winner: Candidate, train: Rows, test: Rows, *, params: Params) -> Outcome:
    knobs = params.evaluate
    calibration = calibrate(
        Recipe(**winner.params),
        *train,
        coverage=knobs.coverage,
        repeats=knobs.repeats,
        seed=knobs.seed,
        workers=params.train.workers,
    )
    ensemble = assembly.ensemble_of(winner, calibration, coverage=knobs.coverage)
    return Outcome(winner, calibration, test, assembly.price(winner, calibration, ensemble, houses=test.houses))


def measure(
    outcome: Outcome,
    candidates: Sequence[Candidate],
    table: Sequence[Mapping[str, Any]],
    *,
    train: Rows,
    params: Params,
) -> dict[str, Any]:
    """All figures of the report: the winner's with bootstrap intervals, each experiment's, and groups by B."""
    knobs = params.evaluate
    test, price = outcome.test, outcome.predicted.price
    groups = train.houses[:, HOUSE.names.index(GROUP_COLUMN)]
    edges = np.unique(np.nanquantile(groups, GROUP_QUANTILES))
    edges[0], edges[-1] = (getattr(HOUSE.features[HOUSE.names.index(GROUP_COLUMN)], end) for end in ("low", "high"))
    return {
        "winner": outcome.winner.name,
        "rows": {"train": len(train.prices), "test": len(test.prices)},
        "test": scores.ranges(test.prices, price, bootstraps=knobs.bootstraps, seed=knobs.seed),
        "interval": {"aim": knobs.coverage, **scores.interval_scores(test.prices, outcome.predicted)},
        "cv_rmse": outcome.winner.cv_rmse,
        "boosters": len(outcome.winner.boosters),
        "trees": sum(booster.num_boosted_rounds() for booster in outcome.winner.boosters),
        "experiments": [_experiment(c, row, test) for c, row in zip(candidates, table, strict=True)],
        "groups": scores.group_scores(test.houses[:, HOUSE.names.index(GROUP_COLUMN)], test.prices, price, edges=edges),
    }


def _experiment(candidate: Candidate, row: Mapping[str, Any], test: Rows) -> dict[str, Any]:
    figures = {
        f"test_{name}": value for name, value in scores.scores(test.prices, candidate.predict(test.houses)).items()
    }
    return {"name": candidate.name, "cv_rmse": row["cv_rmse"], "train_rmse": row["train_rmse"], **figures}


def draw(outcome: Outcome) -> dict[str, bytes]:
    """The plots, by file name."""
    winner, test, price = outcome.winner, outcome.test, outcome.predicted.price
    shares = Explainer(winner.preprocessor, winner.members, join(winner.boosters)).shares(test.houses).contributions
    return {
        "predicted_against_actual.png": plots.predicted_against_actual(test.prices, price),
        "residuals.png": plots.residuals(test.prices, price),
        "shap_beeswarm.png": plots.beeswarm(shares, test.houses),
        "shap_importance.png": plots.importance(shares),
    }


def _papers(metrics: dict[str, Any], pictures: Mapping[str, bytes], origin: dict[str, Any]) -> dict[str, bytes]:
    return {
        bundle.METRICS: assembly.document(metrics),
        bundle.LINEAGE: assembly.document(origin),
        bundle.CARD: card(metrics, origin).encode(),
        **{f"plots/{name}": picture for name, picture in pictures.items()},
    }


def _assemble(outcome: Outcome, train: Rows, papers: Mapping[str, bytes], *, params: Params) -> dict[str, bytes]:
    return assembly.files(
        outcome.winner,
        outcome.calibration,
        houses=train.houses,
        prices=train.prices,
        coverage=params.evaluate.coverage,
        bins=params.evaluate.bins,
        papers=papers,
    )


def _write_reports(metrics: dict[str, Any], outcome: Outcome, pictures: Mapping[str, bytes], *, folder: Path) -> None:
    write_file(assembly.document(metrics), folder / "reports/metrics.json")
    for name, picture in pictures.items():
        write_file(picture, folder / "reports/plots" / name)
    rows = np.column_stack([outcome.test.prices, *outcome.predicted])
    write_file(_csv("actual,predicted,low,high", rows), folder / "reports/predictions.csv")


def _csv(header: str, rows: Array) -> bytes:
    return "\n".join([header, *(",".join(f"{value:g}" for value in row) for row in rows), ""]).encode()


def _log(
    metrics: dict[str, Any],
    candidates: Sequence[Candidate],
    test: Rows,
    runs: Mapping[str, str],
    *,
    pictures: Mapping[str, bytes],
    folder: Path,
) -> None:
    """Every experiment's test figures into its MLflow run, for the record: the choice is made."""
    tracking.connect(folder)
    for candidate, row in zip(candidates, metrics["experiments"], strict=True):
        with tracking.reopened(runs.get(candidate.name), candidate.name):
            tracking.log_metrics({name: value for name, value in row.items() if name != "name"})
            own = plots.predicted_against_actual(test.prices, candidate.predict(test.houses))
            all_of_them = pictures if candidate.name == metrics["winner"] else {"predicted_against_actual.png": own}
            tracking.log_files(all_of_them, folder="plots")


if __name__ == "__main__":
    stage(__doc__, run)
