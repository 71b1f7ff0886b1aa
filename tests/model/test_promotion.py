import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from casa.errors import SourceUnavailable
from casa.model import bundle, registry
from casa.model.bundle import Bundle
from casa.model.promotion import promote
from casa.model.registry import Registry, artifact_root, tracking_uri
from casa.model.store import Store
from pipeline.train import Rows


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def models(uri: str) -> Iterator[Registry]:
    yield Registry(uri)
    if mlflow.MlflowClient(uri, uri).search_registered_models():
        mlflow.MlflowClient(uri, uri).delete_registered_model(bundle.NAME)


@pytest.fixture
def stored(tmp_path: Path, bundle_folder: Path, bundle_files: dict[str, bytes], table: Rows) -> tuple[Store, str, str]:
    """A store with a good model and a bad one, which swaps two boosters."""
    store = Store(tmp_path)
    good = store.save(bundle_folder)
    saved = bundle.load(bundle_folder)
    worse = saved.ensemble.to_dict()
    for member in worse["members"]:
        member["center"] *= 1.2
    model = bundle.model_document(
        saved.preprocessor, type(saved.ensemble).from_dict(worse), features_used=saved.features_used
    )
    bundle.write(tmp_path / "worse", {**bundle_files, bundle.MODEL: model})
    return store, good, store.save(tmp_path / "worse")


def enrol(models: Registry, version: str, run_root: Path) -> None:
    client = mlflow.MlflowClient(models.uri, models.uri)
    run = client.create_run("0")
    models.register(version, source=str(run_root), run_id=run.info.run_id, tags={})


def test_a_registered_model_is_the_challenger(models: Registry, saved: Bundle, tmp_path: Path) -> None:
    enrol(models, saved.version, tmp_path)
    assert models.alias(registry.CHALLENGER) == saved.version
    assert models.alias(registry.CHAMPION) is None
    assert models.has(saved.version)
    assert not models.has("0123456789ab")


def test_only_a_better_model_becomes_champion(
    models: Registry, stored: tuple[Store, str, str], table: Rows, tmp_path: Path
) -> None:
    store, good, worse = stored
    for version in (good, worse):
        enrol(models, version, tmp_path)
    rows = {"houses": table.houses, "prices": table.prices, "store": store, "models": models}
    assert promote(worse, **rows).promoted  # the first has nobody to beat
    assert promote(good, **rows).promoted
    refused = promote(worse, **rows)
    assert not refused.promoted
    assert f"of {good} on the same 506 held-out houses" in refused.reason
    assert models.alias(registry.CHAMPION) == store.champion == good


def test_force_is_noted(models: Registry, stored: tuple[Store, str, str], table: Rows, tmp_path: Path) -> None:
    store, good, worse = stored
    for version in (good, worse):
        enrol(models, version, tmp_path)
    promote(good, houses=table.houses, prices=table.prices, store=store, models=models)
    forced = promote(worse, houses=table.houses, prices=table.prices, store=store, models=models, force=True)
    assert forced.promoted
    assert forced.reason.endswith("by force")


def test_a_damaged_champion_is_replaced(
    models: Registry, stored: tuple[Store, str, str], table: Rows, tmp_path: Path
) -> None:
    store, good, worse = stored
    for version in (good, worse):
        enrol(models, version, tmp_path)
    promote(good, houses=table.houses, prices=table.prices, store=store, models=models)
    (store.find(good) / bundle.GRAPH).write_bytes(b"half")
    decision = promote(worse, houses=table.houses, prices=table.prices, store=store, models=models)
    assert decision.promoted
    assert "cannot be served" in decision.reason


def test_the_same_model_stays_champion(
    models: Registry, stored: tuple[Store, str, str], table: Rows, tmp_path: Path
) -> None:
    store, good, _ = stored
    enrol(models, good, tmp_path)
    for _ in range(2):
        assert promote(good, houses=table.houses, prices=table.prices, store=store, models=models).promoted


def test_a_model_that_mlflow_does_not_know_moves_nothing(
    models: Registry, stored: tuple[Store, str, str], table: Rows
) -> None:
    store, good, _ = stored
    with pytest.raises(SourceUnavailable, match="dvc repro"):
        promote(good, houses=table.houses, prices=table.prices, store=store, models=models)
    assert store.champion is None


def test_an_mlflow_that_is_away_is_one_sentence() -> None:
    with pytest.raises(SourceUnavailable, match="MLflow at 127.0.0.1:9 does not answer"):
        Registry("http://user:secret@127.0.0.1:9").alias(registry.CHAMPION)


def test_mlflow_lies_beside_the_project_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    uri = tracking_uri(tmp_path)
    assert uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert artifact_root(uri) == (tmp_path / "mlartifacts").as_uri()
    assert artifact_root("http://127.0.0.1:5000") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(tmp_path) == os.environ["MLFLOW_TRACKING_URI"]
