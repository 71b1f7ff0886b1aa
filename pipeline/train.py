"""Run the experiments and keep the one with the lowest cross-validated error on the training rows.

Example: python -m pipeline.train   (reads data/train.csv, writes artifacts/candidates and artifacts/experiments.json)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sklearn.pipeline import Pipeline

from casa.house import HOUSE, Array
from casa.model.explain import Explainer
from casa.model.forest import join
from casa.model.preprocessor import Preprocessor
from pipeline import tracking
from pipeline.assembly import document
from pipeline.candidate import Candidate
from pipeline.experiments import CHAMPION, cross_validate, search, select
from pipeline.params import Params
from pipeline.recipe import Recipe
from pipeline.stage import stage
from pipeline.table import read_table, write_file

Tick = Callable[[int], None]
SELECTED = 10


class Rows(NamedTuple):
    """Houses (n, features) and their prices (n,)."""

    houses: Array
    prices: Array


def read_rows(path: Path) -> Rows:
    """A split's houses and prices."""
    table = read_table(path, columns=HOUSE.columns).to_numpy(dtype=np.float64)
    return Rows(table[:, :-1], table[:, -1])


class Trainer:
    """The experiments on one set of training rows, each an MLflow run."""

    def __init__(self, rows: Rows, prepared: Preprocessor, *, params: Params, tick: Tick) -> None:
        self._rows = rows
        self._prepared = prepared
        self._knobs = params.train
        self._tick = tick
        self.runs: dict[str, str] = {}

    def experiments(self) -> list[Candidate]:
        """All four, in order: the third and the second need the first's features."""
        searched = self.searched("search-all", HOUSE.names)
        selected = select(Recipe(**searched.params), *self._rows, most=SELECTED)
        return [
            searched,
            self.fitted("default-selected", {"features": selected, "seed": self._knobs.seed}),
            self.searched("search-selected", selected),
            self.fitted("house-recipe", {**CHAMPION, "seed": self._knobs.seed}),
        ]

    def searched(self, name: str, features: Sequence[str]) -> Candidate:
        """A randomised search over XGBoost's parameters, on plain columns."""
        knobs = self._knobs
        found, _, draws = search(
            *self._rows,
            features=features,
            draws=knobs.draws,
            folds=knobs.search_folds,
            seed=knobs.seed,
            workers=knobs.workers,
            progress=self._tick,
        )
        return self.fitted(name, found, papers={"draws.json": document(draws)})

    def fitted(self, name: str, params: Mapping[str, Any], *, papers: Mapping[str, bytes] | None = None) -> Candidate:
        """One recipe learned from all training rows, its error cross-validated, both in an MLflow run."""
        knobs = self._knobs
        cv_rmse = cross_validate(
            Recipe(**params),
            *self._rows,
            folds=knobs.folds,
            repeats=knobs.repeats,
            seed=knobs.seed,
            workers=knobs.workers,
        )
        with tracking.experiment(name) as run:
            model = Pipeline([("recipe", Recipe(**params))])
            model.fit(*self._rows, recipe__preprocessor=self._preprocessor(params))
            candidate = Candidate.of(name, model["recipe"], params=params, cv_rmse=cv_rmse)
            tracking.log_metrics({"cv_rmse": cv_rmse})
            tracking.log_files({**(papers or {}), "shap_values.csv": shap_values(candidate, self._rows.houses)})
            self.runs[name] = run.info.run_id
        return candidate

    def _preprocessor(self, params: Mapping[str, Any]) -> Preprocessor | None:
        """What `prepare` learned, for a recipe on plain columns; a recipe with terms of its own learns its own."""
        plain = set(params) & {"logs", "extra_terms", "chain"}
        return None if plain else self._prepared.only(params.get("features", HOUSE.names))


def shap_values(candidate: Candidate, houses: Array) -> bytes:
    """A CSV of each house's shares in price units (`Explainer`)."""
    shares = Explainer(candidate.preprocessor, candidate.members, join(candidate.boosters)).shares(houses)
    lines = [",".join(f"{value:.6f}" for value in row) for row in shares.contributions]
    return "\n".join([",".join(HOUSE.names), *lines, ""]).encode()


def run(params: Params, folder: Path) -> None:
    """The stage, on the files under `folder`."""
    rows = read_rows(folder / "data/train.csv")
    prepared = Preprocessor.from_dict(orjson.loads((folder / "data/preprocessor.json").read_bytes()))
    tracking.connect(folder)
    with _progress() as bar, tracking.training(params.train.model_dump()) as parent:
        task = bar.add_task("draws of the two searches", total=2 * params.train.draws)
        trainer = Trainer(rows, prepared, params=params, tick=lambda done: bar.advance(task, done))
        candidates = trainer.experiments()
        trainer.runs["training"] = parent.info.run_id
    _save(candidates, trainer.runs, rows, folder=folder)


def _save(candidates: Sequence[Candidate], runs: Mapping[str, str], rows: Rows, *, folder: Path) -> None:
    for candidate in candidates:
        candidate.save(folder / "artifacts/candidates" / candidate.name)
    winner = min(candidates, key=lambda candidate: candidate.cv_rmse)
    table = [
        {
            "name": candidate.name,
            "cv_rmse": candidate.cv_rmse,
            "train_rmse": float(np.sqrt(np.mean((candidate.predict(rows.houses) - rows.prices) ** 2))),
            "params": candidate.params,
        }
        for candidate in candidates
    ]
    write_file(document({"winner": winner.name, "experiments": table}), folder / "artifacts/experiments.json")
    write_file(document(runs), folder / "artifacts/runs.json")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


if __name__ == "__main__":
    stage(__doc__, run)
