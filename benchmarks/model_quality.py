"""How good the recipes are, over many splits: XGBoost's defaults, the three experiments and the champion.

Two settings: 80/20 splits of a table with gaps (`--file`, or the bundled table with 5 % of some columns' cells
blanked), and the 90/10 splits of the complete bundled table that the literature on UCI's regression tables uses
(Hernández-Lobato and Adams, "Probabilistic backpropagation for scalable learning of Bayesian neural networks", 2015).
All that is learned, choices included, is learned from a split's training rows. Nothing here is tuned on these splits.

Example: python -m benchmarks.model_quality --draws 50 --file houses.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost as xgb
from joblib import Parallel, delayed, parallel_config
from rich.console import Console
from rich.progress import track
from sklearn.model_selection import train_test_split

from benchmarks.table import machine, show
from casa.house import HOUSE, Array
from pipeline import assembly
from pipeline.candidate import Candidate
from pipeline.conformal import calibrate
from pipeline.experiments import CHAMPION, search, select
from pipeline.ingest import bundled
from pipeline.recipe import Recipe
from pipeline.scores import interval_scores, scores
from pipeline.table import read_table
from pipeline.train import SELECTED, Rows

BLANKED = ("CRIM", "ZN", "INDUS", "CHAS", "AGE", "LSTAT")
BLANK_SHARE = 0.05
SEARCH_FOLDS = 4
COVERAGE = 0.9
HEADER = ("splits", "recipe", "RMSE", "sd", "R²", "coverage", "sd", "width", "dearest fifth", "trees")

Figures = Mapping[str, float]


class Split(NamedTuple):
    """One split of a table."""

    train: Rows
    test: Rows


class Effort(NamedTuple):
    """How much work one run does."""

    splits: int
    draws: int
    repeats: int


def main(argv: Sequence[str] = ()) -> None:
    """Measure every recipe in both settings and print one table."""
    options = _options(argv)
    effort = Effort(3, 3, 1) if options.quick else Effort(20, options.draws, 4)
    complete = _rows(bundled().to_numpy(dtype=np.float64))
    gapped = _read(options.file) if options.file else complete._replace(houses=blank(complete.houses, seed=0))
    settings = {"80/20, with gaps": random_splits(gapped), "90/10, complete": literature_splits(complete)}
    table = [
        _line(setting, recipe, figures)
        for setting, splits in settings.items()
        for recipe, figures in _measure_all(setting, list(islice(splits, effort.splits)), effort).items()
    ]
    show(f"model quality: {_words(effort, options.file)} ({machine()})", HEADER, table)


def blank(houses: Array, *, seed: int) -> Array:
    """Houses (n, features) with 5 % of the cells of each column in `BLANKED` made NaN."""
    random, blanked = np.random.default_rng(seed), houses.copy()
    for name in BLANKED:
        gaps = random.choice(len(houses), size=round(BLANK_SHARE * len(houses)), replace=False)
        blanked[gaps, HOUSE.names.index(name)] = np.nan
    return blanked


def random_splits(rows: Rows) -> Iterator[Split]:
    """scikit-learn's 80/20 splits for random_state 0, 1, 2 and so on."""
    for seed in count():
        train, test = train_test_split(np.arange(len(rows.prices)), test_size=0.2, random_state=seed)
        yield _split(rows, train, test)


def literature_splits(rows: Rows) -> Iterator[Split]:
    """The 90/10 splits of the literature: one permutation after the other from NumPy's legacy seed 1."""
    random, houses = np.random.RandomState(1), len(rows.prices)
    while True:
        order = random.permutation(houses)
        yield _split(rows, order[: round(0.9 * houses)], order[round(0.9 * houses) :])


def measure(split: Split, effort: Effort) -> dict[str, Figures]:
    """Each recipe's figures on one split's test rows."""
    found = _search(split.train, HOUSE.names, effort)
    selected = select(Recipe(**found), *split.train, most=SELECTED)
    recipes = {
        "1 search": found,
        "2 selection, defaults": {"features": selected},
        "3 search on selection": _search(split.train, selected, effort),
    }
    return {
        "XGBoost's defaults": _defaults(split),
        **{name: _plain(Recipe(**params), split) for name, params in recipes.items()},
        "4 champion": _champion(split, effort),
    }


def _search(rows: Rows, features: Sequence[str], effort: Effort) -> dict[str, Any]:
    best, _, _ = search(
        *rows,
        features=features,
        draws=effort.draws,
        folds=SEARCH_FOLDS,
        seed=0,
        workers=1,
        progress=lambda _: None,
    )
    return best


def _defaults(split: Split) -> Figures:
    """XGBoost as it comes, gaps and all."""
    fitted = xgb.XGBRegressor(n_jobs=1).fit(*split.train)
    trees = {"trees": fitted.get_booster().num_boosted_rounds()}
    return {**scores(split.test.prices, fitted.predict(split.test.houses)), **trees}


def _plain(recipe: Recipe, split: Split) -> Figures:
    fitted = recipe.fit(*split.train)
    return {**scores(split.test.prices, fitted.predict(split.test.houses)), "trees": _trees(fitted)}


def _champion(split: Split, effort: Effort) -> Figures:
    """The champion's figures and its interval's, as its bundle would give them."""
    recipe = Recipe(**CHAMPION).fit(*split.train)
    calibration = calibrate(recipe, *split.train, coverage=COVERAGE, repeats=effort.repeats, seed=0, workers=1)
    candidate = Candidate.of("champion", recipe, params=CHAMPION, cv_rmse=np.nan)
    ensemble = assembly.ensemble_of(candidate, calibration, coverage=COVERAGE)
    prices = assembly.price(candidate, calibration, ensemble, houses=split.test.houses)
    intervals = interval_scores(split.test.prices, prices)
    return {**scores(split.test.prices, prices.price), **intervals, "trees": _trees(recipe)}


def _trees(recipe: Recipe) -> int:
    return sum(booster.num_boosted_rounds() for booster in recipe.boosters_)


def _measure_all(setting: str, splits: Sequence[Split], effort: Effort) -> dict[str, list[Figures]]:
    """Each recipe's figures, one entry a split."""
    with parallel_config(inner_max_num_threads=1, backend="loky"):
        jobs = Parallel(2, return_as="generator")(delayed(measure)(split, effort) for split in splits)
        console = Console(stderr=True)
        done = list(track(jobs, f"splits {setting}", total=len(splits), console=console))
    return {recipe: [figures[recipe] for figures in done] for recipe in done[0]}


def _line(setting: str, recipe: str, figures: Sequence[Figures]) -> list[str]:
    """A row of the table: means over the splits, and standard deviations from split to split."""
    values = {name: [one[name] for one in figures] for name in figures[0]}
    errors = [_mean(values, "rmse"), _sd(values, "rmse"), _mean(values, "r2")]
    interval = [_mean(values, "coverage"), _sd(values, "coverage"), _mean(values, "width", digits=2)]
    return [
        setting,
        recipe,
        *errors,
        *interval,
        _mean(values, "coverage_dearest_fifth"),
        _mean(values, "trees", digits=0),
    ]


def _mean(values: Mapping[str, Sequence[float]], name: str, *, digits: int = 3) -> str:
    return f"{np.mean(values[name]):.{digits}f}" if name in values else ""


def _sd(values: Mapping[str, Sequence[float]], name: str) -> str:
    return f"{np.std(values[name], ddof=1):.3f}" if name in values else ""


def _words(effort: Effort, file: Path | None) -> str:
    gaps = f"of {file.name}" if file else "of the bundled table with 5 % of six columns blanked"
    return f"{effort.splits} splits a setting, {effort.draws} draws a search, 80/20 {gaps}"


def _read(path: Path) -> Rows:
    return _rows(read_table(path, columns=HOUSE.columns).to_numpy(dtype=np.float64))


def _rows(table: Array) -> Rows:
    return Rows(table[:, :-1], table[:, -1])


def _split(rows: Rows, train: Any, test: Any) -> Split:
    return Split(Rows(rows.houses[train], rows.prices[train]), Rows(rows.houses[test], rows.prices[test]))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.model_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--file", type=Path, help="a CSV of houses with gaps for the 80/20 splits")
    parser.add_argument("--draws", type=int, default=10, help="draws of each randomised search (default 10)")
    parser.add_argument("--quick", action="store_true", help="3 splits and 3 draws: does it run?")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
