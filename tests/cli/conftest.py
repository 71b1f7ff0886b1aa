"""A store with two models, and a project whose MLflow knows them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from casa.house import HOUSE
from casa.model import bundle
from casa.model.registry import CHAMPION, Registry
from casa.model.store import Store
from pipeline.train import Rows
from tests.cli.shell import write_csv


@pytest.fixture
def shelf(bundle_files: dict[str, bytes], store_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of this test's own: the small model as champion, and a worse one."""
    home = tmp_path / "bentoml"
    shutil.copytree(store_home, home)
    monkeypatch.setenv("BENTOML_HOME", str(home))
    model = json.loads(bundle_files[bundle.MODEL])
    model["ensemble"]["members"][0]["center"] += 1.0
    bundle.write(tmp_path / "worse", {**bundle_files, bundle.MODEL: json.dumps(model).encode()})
    Store(home).save(tmp_path / "worse")
    return Store(home)


@pytest.fixture
def worse(shelf: Store) -> str:
    """The version that is not the champion."""
    (version,) = (entry.version for entry in shelf.entries() if not entry.champion)
    return version


@pytest.fixture
def registered(shelf: Store, worse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Rows) -> Path:
    """Held-out houses, in a project whose MLflow knows both models."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    models, run = Registry(uri), MlflowClient(uri).create_run("0")
    for version in (worse, str(shelf.champion)):
        models.register(version, source=str(tmp_path), run_id=run.info.run_id, tags={})
    models.name(CHAMPION, str(shelf.champion), reason="the first")
    rows = zip(table.houses[:40].tolist(), table.prices[:40].tolist(), strict=True)
    houses = [dict(zip(HOUSE.columns, map(str, [*house, price]), strict=True)) for house, price in rows]
    return write_csv(tmp_path / "test.csv", houses)
