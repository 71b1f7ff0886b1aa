"""The whole pipeline, as `dvc repro` runs it, on a small table."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pandas as pd
import pytest
import yaml

from casa.model import bundle
from casa.model.pricer import Pricer
from casa.model.store import Store
from pipeline import evaluate, ingest, prepare, train, validate
from pipeline.params import load_params
from pipeline.table import read_table
from pipeline.train import Rows

PROJECT = Path(__file__).parents[2]
SMALL = {
    "ingest": {"source": "csv", "path": "table.csv", "eda_report": False},
    "train": {"draws": 2, "search_folds": 2, "folds": 2, "repeats": 1, "workers": 1},
    "evaluate": {"repeats": 1, "bootstraps": 50},
}


def small_params(folder: Path, *, workers: int = 1) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    for section, knobs in SMALL.items():
        params[section].update(knobs)
    params["train"]["workers"] = workers
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def small_table(table: Rows, folder: Path) -> None:
    columns = [*pd.Index(evaluate.HOUSE.columns)]
    houses = pd.DataFrame(table.houses[::3], columns=columns[:-1]).assign(MEDV=table.prices[::3])
    houses.loc[5:9, "CRIM"] = None
    houses.to_csv(folder / "table.csv", index=False)


class Project:
    """A project's folder with stores of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "bentoml")
        self.environment = {
            **os.environ,
            "BENTOML_HOME": str(folder / "bentoml"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONWARNINGS": "ignore",
        }

    def dvc(self, *words: str) -> str:
        done = subprocess.run(["dvc", *words], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(table: Rows, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("a project")
    for name in ("casa", "pipeline"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(PROJECT / name, folder)
    small_params(folder)
    small_table(table, folder)
    made = Project(folder)
    made.dvc("init", "--no-scm", "--quiet")
    made.dvc("repro")
    return made


def test_a_table_becomes_a_champion_that_prices_its_houses(project: Project, table: Rows) -> None:
    version = project.store.champion
    priced = Pricer(bundle.load(project.store.find(), expect=version)).price(table.houses).price
    assert ((priced - table.prices) ** 2).mean() ** 0.5 < 5


def test_nothing_is_trained_again_when_nothing_changed(project: Project) -> None:
    said = project.dvc("repro")
    for stage in ("ingest", "validate", "prepare", "train", "evaluate"):
        assert f"Stage '{stage}' didn't change, skipping" in said


def test_a_lost_model_is_registered_again_without_training(project: Project) -> None:
    version = project.store.champion
    shutil.rmtree(project.folder / "bentoml")
    said = project.dvc("repro")
    assert "Stage 'train' didn't change, skipping" in said
    assert project.store.champion == version


def test_no_store_holds_a_pickle(project: Project) -> None:
    found = [path for path in project.folder.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]
    assert [path for path in found if ".dvc" not in path.parts] == []


def test_every_experiment_is_a_nested_run_with_its_figures(project: Project) -> None:
    import mlflow

    client = mlflow.MlflowClient(project.environment["MLFLOW_TRACKING_URI"])
    runs = client.search_runs(["1"])
    nested = {run.info.run_name: run for run in runs if "mlflow.parentRunId" in run.data.tags}
    assert set(nested) == {"search-all", "default-selected", "search-selected", "house-recipe"}
    for run in nested.values():
        assert {"cv_rmse", "train_rmse", "test_rmse", "test_mae", "test_r2"} <= set(run.data.metrics)
        assert run.data.params["recipe__seed"] == "0"


def test_the_registered_model_is_the_bundles_plain_files(project: Project) -> None:
    import mlflow

    # The registry's address, too: left out, it is whatever another test of this process has set.
    uri = project.environment["MLFLOW_TRACKING_URI"]
    client = mlflow.MlflowClient(uri, uri)
    (found,) = client.search_model_versions("name = 'casa'")
    assert found.tags["version"] == project.store.champion
    assert client.get_model_version_by_alias("casa", "champion").version == found.version
    assert client.get_model_version_by_alias("casa", "challenger").version == found.version


def test_the_model_is_as_good_as_its_card_says(project: Project) -> None:
    metrics = orjson.loads((project.folder / "reports/metrics.json").read_bytes())
    assert f"{metrics['test']['rmse']['value']:.3f}" in bundle.load(project.store.find()).card


def test_two_workers_give_the_same_bytes_as_one(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(project.folder / "table.csv", tmp_path)
    small_params(tmp_path, workers=2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.environment["MLFLOW_TRACKING_URI"])
    for stage in (ingest, validate, prepare, train, evaluate):
        stage.run(load_params(tmp_path / "params.yaml"), tmp_path)
    again = bundle.load(tmp_path / "artifacts/bundle")
    assert again.version == project.store.champion
    first = bundle.load(project.store.find())
    assert {name for name in first.files if first.files[name] != again.files[name]} <= {bundle.LINEAGE, bundle.CARD}


def test_the_sides_never_mix(project: Project) -> None:
    train_rows, test_rows = (read_table(project.folder / f"data/{side}.csv") for side in ("train", "test"))
    assert train_rows.merge(test_rows, how="inner").empty
