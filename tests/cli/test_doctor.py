"""`casa doctor`: what is here, what is missing, and what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from casa.model import bundle
from casa.model.store import Store
from casa.settings import Settings, sentences
from tests.cli.shell import casa
from tests.servers import free_port


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, a free port, and a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CASA_HTTP_PORT", str(free_port()))
    monkeypatch.setenv("CASA_GRPC_PORT", str(free_port()))
    return tmp_path


def lines(sign: str) -> list[str]:
    return [line for line in casa("doctor").stdout.splitlines() if line.startswith(sign)]


def test_all_is_well_where_all_is_here(store: Store) -> None:
    assert casa("doctor").exit_code == 0
    assert f"✓ model: {store.champion}, whole" in lines("✓")


def test_it_changes_nothing(store: Store, home: Path) -> None:
    casa("doctor")
    assert list(home.iterdir()) == []


def test_without_a_model_it_is_sick(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(home))
    result = casa("doctor")
    assert result.exit_code == 1
    assert "✗ model: none to serve\n    there is no model yet" in result.stdout


def test_a_damaged_model_is_told(store: Store, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "models" / "casa" / "0123456789ab" / "bundle"
    folder.mkdir(parents=True)
    (folder / bundle.MANIFEST).write_text("{}")
    monkeypatch.setenv("BENTOML_HOME", str(home))
    monkeypatch.setenv("CASA_MODEL_VERSION", "0123456789ab")
    assert lines("✗")[0] == "✗ model: the manifest of bundle cannot be read"


def test_a_taken_port_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("CASA_HTTP_PORT", str(server.getsockname()[1]))
        assert lines("✗")[0] == f"✗ port: {server.getsockname()[1]}, taken"


def test_a_folder_that_is_a_file_is_told(store: Store, home: Path) -> None:
    (home / "data").touch()
    assert f"✗ data folder: {home / 'data'}" in lines("✗")


def test_an_mlflow_that_is_away_makes_nobody_sick(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:hunter2@127.0.0.1:{free_port()}")
    result = casa("doctor")
    assert result.exit_code == 0
    assert "✗ MLflow: MLflow at 127.0.0.1:" in result.stdout
    assert "hunter2" not in result.stdout


def test_every_setting_is_told_with_its_sentence(store: Store) -> None:
    told = casa("doctor").stdout
    assert sentences().keys() == Settings.model_fields.keys()
    for name, sentence in sentences().items():
        assert f"CASA_{name.upper()} = " in told
        assert sentence in " ".join(told.split())


def test_secrets_are_hidden(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_KEY_PEPPER", "an old family recipe, thirty-two letters")
    told = casa("doctor").stdout
    assert "CASA_KEY_PEPPER = ****" in told
    assert "family" not in told


def test_a_wrong_setting_is_named_and_all_are_listed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_MAX_ROWZ", "3")
    result = casa("doctor")
    assert result.exit_code == 1
    assert "✗ settings: CASA_MAX_ROWZ is no setting of Casa; did you mean CASA_MAX_ROWS?" in result.stdout
    assert "CASA_MAX_ROWS = ?" in result.stdout
