"""`casa models pull`: from a real MLflow server, else from the database, else from the image; checked each time."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from casa.database import open_database
from casa.migration import migrate
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.shelf import Shelf
from casa.model.store import Store
from casa.settings import Settings
from tests.cli.shell import ROOT, casa, start
from tests.servers import MlflowServer, PostgresServer, free_port

ABSENT = "0123456789ab"
REGISTER = """
import sys
from pathlib import Path
from casa.model.registry import Registry
from pipeline import tracking
models = Registry(tracking.connect(Path()))
with tracking.reopened(None, "registration") as run:
    source = tracking.log_bundle(Path(sys.argv[1]), version=sys.argv[2])
    models.register(sys.argv[2], source=source, run_id=run.info.run_id, tags={})
"""


@pytest.fixture(scope="session")
def registry(mlflow_server: MlflowServer, bundle_folder: Path, saved: Bundle) -> MlflowServer:
    """A server with which the small model is registered, as the pipeline does it."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": mlflow_server.url}
    subprocess.run([sys.executable, "-c", REGISTER, bundle_folder, saved.version], env=environ, check=True)
    return mlflow_server


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store without a model, and nothing named where one may come from."""
    for name in ("MLFLOW_TRACKING_URI", "CASA_DATABASE_URL", "CASA_MODEL_VERSION", "CASA_BAKED_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


@pytest.fixture
def database(bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Casa's database, with the small model on its shelf."""
    url = f"sqlite:///{tmp_path}/casa.db"
    engine = open_database(Settings(database_url=SecretStr(url)))
    migrate(engine)
    Shelf(engine).put(bundle_folder)
    engine.dispose()
    monkeypatch.setenv("CASA_DATABASE_URL", url)


def test_a_model_comes_from_mlflow(
    registry: MlflowServer, empty: Store, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    result = casa("models", "pull", saved.version)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"model {saved.version} is in the store, from MLflow at {httpx.URL(registry.url).netloc.decode()}\n"
    )
    assert bundle.load(empty.find(saved.version), expect=saved.version).files == saved.files


def test_what_is_in_the_store_is_asked_of_nobody(store: Store, saved: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    assert casa("models", "pull", saved.version).stdout == f"model {saved.version} is in the store\n"


def test_the_database_gives_it_while_mlflow_is_away(
    empty: Store, database: None, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:hidden@127.0.0.1:{free_port()}")
    result = casa("models", "pull", saved.version)
    assert result.stdout == f"model {saved.version} is in the store, from the shelf\n"
    assert "does not give model" in result.stderr
    assert "hidden" not in result.stderr
    assert empty.is_whole(saved.version)


def test_the_database_gives_it_while_mlflow_hangs(
    empty: Store, database: None, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        result = casa("models", "pull", saved.version)
    assert result.exit_code == 0
    assert "it does not answer: timed out" in result.stderr


def test_the_database_gives_what_is_damaged_in_mlflow(
    registry: MlflowServer, empty: Store, database: None, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    (graph,) = registry.files.rglob(bundle.GRAPH)
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    result = casa("models", "pull", saved.version)
    graph.write_bytes(whole)
    assert result.stdout == f"model {saved.version} is in the store, from the shelf\n"
    assert "model.onnx is not what the manifest says: the bundle is damaged" in result.stderr


def test_a_manifest_that_leads_elsewhere_is_refused(
    registry: MlflowServer, empty: Store, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    (manifest,) = registry.files.rglob(bundle.MANIFEST)
    whole = manifest.read_bytes()
    told = json.loads(whole)
    manifest.write_text(json.dumps({**told, "files": {**told["files"], "../../stray": "0" * 64}}))
    result = casa("models", "pull", saved.version)
    manifest.write_bytes(whole)
    assert (result.exit_code, empty.entries()) == (1, [])
    assert "a file of a bundle cannot be called '../../stray'" in result.stderr


def test_a_half_copied_model_is_pulled_again(
    empty: Store, database: None, bundle_folder: Path, saved: Bundle, tmp_path: Path
) -> None:
    shutil.copytree(bundle_folder, tmp_path / "home/models/casa" / saved.version / "bundle")
    (tmp_path / "home/models/casa" / saved.version / "bundle" / bundle.GRAPH).unlink()
    assert casa("models", "pull", saved.version).exit_code == 0
    assert empty.is_whole(saved.version)


def test_each_place_that_has_no_such_model_is_named(
    registry: MlflowServer, empty: Store, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    result = casa("models", "pull", ABSENT)
    place = f"MLflow at {httpx.URL(registry.url).netloc.decode()}"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"{place} does not give model {ABSENT}: it has no such model",
        f"the shelf does not give model {ABSENT}: it has no such model",
        f"casa: model {ABSENT} could not be had from {place} and the shelf",
    ]


def test_the_image_s_own_model_needs_no_place(
    empty: Store, store_home: Path, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASA_BAKED_HOME", str(store_home))
    monkeypatch.setenv("CASA_MODEL_VERSION", "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    result = casa("models", "pull")
    assert (result.stdout, result.stderr) == (f"model {saved.version} is in the image\n", "")
    assert empty.entries() == []


def test_the_setting_names_the_version(
    empty: Store, database: None, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASA_MODEL_VERSION", saved.version)
    assert casa("models", "pull").exit_code == 0
    assert empty.is_whole(saved.version)


def test_no_version_at_all_is_one_sentence(empty: Store) -> None:
    result = casa("models", "pull")
    assert (result.exit_code, result.stderr) == (1, "casa: no version is named: give one, or set CASA_MODEL_VERSION\n")


@pytest.mark.parametrize("version", ["3f2a", "champion", "../../../etc", "0123456789AB"])
def test_half_a_version_is_a_wrong_use(empty: Store, version: str) -> None:
    assert casa("models", "pull", version).exit_code == 2


def on_shelf(url: str, version: str) -> bool:
    engine = open_database(Settings(database_url=SecretStr(url)))
    try:
        return Shelf(engine).has(version)
    finally:
        engine.dispose()


def test_the_images_own_model_is_put_on_the_shelf_once(
    empty: Store, store_home: Path, saved: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/casa.db"
    monkeypatch.setenv("CASA_BAKED_HOME", str(store_home))
    monkeypatch.setenv("CASA_DATABASE_URL", url)
    for _ in range(2):
        result = casa("models", "pull", "--shelve")
        assert (result.exit_code, result.stdout) == (0, f"model {saved.version} is in the image\n")
    assert on_shelf(url, saved.version)


def test_a_database_that_stays_away_keeps_no_model_back(
    empty: Store, store_home: Path, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASA_BAKED_HOME", str(store_home))
    monkeypatch.setenv("CASA_DATABASE_URL", f"postgresql://me:hidden@127.0.0.1:{free_port()}/casa")
    result = casa("models", "pull", "--shelve", "--wait", "0.5")
    assert (result.exit_code, "hidden" in result.stderr) == (0, False)
    assert f"model {saved.version} is not on the shelf" in result.stderr


def test_a_database_that_starts_beside_it_is_waited_for(
    postgres_server: PostgresServer,
    postgres_url: str,
    empty: Store,
    store_home: Path,
    saved: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CASA_BAKED_HOME", str(store_home))
    monkeypatch.setenv("CASA_DATABASE_URL", postgres_url)
    postgres_server.stop()
    process = start("models", "pull", "--shelve", folder=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == f"model {saved.version} is in the image\n"
    postgres_server.start()
    process.communicate()
    assert (process.returncode, on_shelf(postgres_url, saved.version)) == (0, True)
