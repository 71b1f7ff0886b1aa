"""What most tests need: the bundled table, a small real model, and a store that serves it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import boston_housing_data

from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.pricer import Pricer
from casa.model.store import Store
from pipeline import assembly
from pipeline.candidate import Candidate
from pipeline.conformal import calibrate
from pipeline.experiments import CHAMPION
from pipeline.recipe import Recipe
from pipeline.train import Rows

pytest_plugins = ["tests.servers"]

PAPERS = {
    bundle.METRICS: b'{"test": {"rmse": {"value": 3.0}}}',
    bundle.LINEAGE: b"{}",
    bundle.CARD: b"# A small model\n",
}


def pytest_configure() -> None:
    """Processes that tests start are interrupted by some: in a shell's background they would be deaf to that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def table() -> Rows:
    """The bundled houses and their prices."""
    houses, prices = boston_housing_data()
    return Rows(np.asarray(houses, dtype=np.float64), np.asarray(prices, dtype=np.float64))


@pytest.fixture(scope="session")
def bundle_files(table: Rows) -> dict[str, bytes]:
    """A small real model's files: the champion's recipe with few trees."""
    params = {**CHAMPION, "rounds": 20}
    recipe = Recipe(**params).fit(*table)
    candidate = Candidate.of("small", recipe, params=params, cv_rmse=4.0)
    calibration = calibrate(Recipe(**params), *table, coverage=0.9, repeats=1, seed=0, workers=1)
    return assembly.files(
        candidate, calibration, houses=table.houses, prices=table.prices, coverage=0.9, bins=10, papers=PAPERS
    )


@pytest.fixture(scope="session")
def bundle_folder(bundle_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model as it is saved; read it, never change it."""
    folder = tmp_path_factory.mktemp("models") / "bundle"
    bundle.write(folder, bundle_files)
    return folder


@pytest.fixture(scope="session")
def saved(bundle_folder: Path) -> Bundle:
    """The small model, loaded."""
    return bundle.load(bundle_folder)


@pytest.fixture(scope="session")
def pricer(saved: Bundle) -> Pricer:
    """Prices by the small model."""
    return Pricer(saved)


@pytest.fixture(scope="session")
def store_home(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BENTOML_HOME whose champion is the small model; read it, never change it."""
    home = tmp_path_factory.mktemp("bentoml")
    before = os.environ.get("BENTOML_HOME")
    store = Store(home)
    try:
        os.environ["BENTOML_HOME"] = str(home)
        store.crown(store.save(bundle_folder))
    finally:
        os.environ.pop("BENTOML_HOME") if before is None else os.environ.update(BENTOML_HOME=before)
    return home


@pytest.fixture
def store(store_home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that `open_store` finds, with the small model as champion."""
    monkeypatch.setenv("BENTOML_HOME", str(store_home))
    return Store(store_home)
