"""Split the houses into training and test rows, and learn from the training rows how to fill and scale.

Example: python -m pipeline.prepare   (reads data/houses.csv, writes data/train.csv, test.csv, preprocessor.json)
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import orjson
from pandas import DataFrame

from casa.errors import InvalidTable
from casa.house import HOUSE, Array
from pipeline.params import Params
from pipeline.recipe import fit_preprocessor
from pipeline.stage import stage
from pipeline.table import read_table, write_file, write_table

LEAST_ROWS = 30
"""Fewer training rows than this leave nothing to cross-validate."""


def split(houses: DataFrame, *, share: float, seed: int) -> tuple[DataFrame, DataFrame]:
    """Train and test rows. A row's side hangs on its own values, so later rows move nobody."""
    is_test = uniform_hash(houses.to_numpy(dtype=np.float64), seed=seed) < share
    return houses[~is_test].reset_index(drop=True), houses[is_test].reset_index(drop=True)


def uniform_hash(rows: Array, *, seed: int) -> Array:
    """A number from 0 to 1 for each row (n,), decided by its values and the seed alone."""
    canonical = np.ascontiguousarray(np.where(np.isnan(rows), np.nan, rows + 0.0))  # one NaN, one zero
    key = seed.to_bytes(8, "little")
    digests = [hashlib.blake2b(row.tobytes(), key=key, digest_size=8).digest() for row in canonical]
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.float64) / 2.0**64


def run(params: Params, folder: Path) -> None:
    """The stage, on the files under `folder`; InvalidTable if a side would be too small."""
    knobs = params.prepare
    houses = read_table(folder / "data/houses.csv").drop_duplicates()
    train, test = split(houses, share=knobs.test_share, seed=knobs.seed)
    if len(train) < LEAST_ROWS or len(test) < 2:
        raise InvalidTable(f"{len(houses)} different rows are too few: {len(train)} to learn from, {len(test)} to test")
    preprocessor = fit_preprocessor(train[list(HOUSE.names)].to_numpy(dtype=np.float64))
    write_table(train, folder / "data/train.csv")
    write_table(test, folder / "data/test.csv")
    write_file(orjson.dumps(preprocessor.to_dict(), option=orjson.OPT_INDENT_2), folder / "data/preprocessor.json")


if __name__ == "__main__":
    stage(__doc__, run)
