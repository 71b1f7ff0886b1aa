import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from casa.errors import InvalidBundle, NotFound
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.store import FOLDER, Store, open_store


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def full(empty: Store, bundle_folder: Path) -> Store:
    empty.save(bundle_folder)
    return empty


def test_a_saved_model_is_found_by_its_version(full: Store, saved: Bundle) -> None:
    assert bundle.load(full.find(saved.version), expect=saved.version).files == saved.files


def test_bentoml_knows_the_model_too(full: Store, saved: Bundle, tmp_path: Path) -> None:
    listed = subprocess.run(
        [Path(sys.executable).with_name("bentoml"), "models", "list", "-o", "json"],
        env={**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"casa:{saved.version}" in listed


def test_saving_twice_changes_nothing(full: Store, bundle_folder: Path, saved: Bundle) -> None:
    before = full.find(saved.version).stat().st_ino
    full.save(bundle_folder)
    assert full.find(saved.version).stat().st_ino == before


def test_a_damaged_model_is_saved_anew(full: Store, bundle_folder: Path, saved: Bundle) -> None:
    (full.find(saved.version) / bundle.GRAPH).write_bytes(b"half")
    full.save(bundle_folder)
    assert bundle.load(full.find(saved.version))


def test_a_half_copied_model_is_saved_anew(empty: Store, bundle_folder: Path, saved: Bundle, tmp_path: Path) -> None:
    shutil.copytree(bundle_folder, tmp_path / "models/casa" / saved.version / FOLDER)
    empty.save(bundle_folder)
    assert (tmp_path / "models/casa" / saved.version / "model.yaml").is_file()


def test_a_damaged_bundle_is_not_kept(empty: Store, bundle_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle_folder, tmp_path / "bad")
    (folder / bundle.GRAPH).write_bytes(b"half")
    with pytest.raises(InvalidBundle):
        empty.save(folder)
    assert empty.entries() == []


def test_an_empty_store_says_how_to_make_a_model(empty: Store) -> None:
    with pytest.raises(NotFound, match="make run"):
        empty.find()


def test_an_unknown_version_is_named(full: Store) -> None:
    with pytest.raises(NotFound, match="0123456789ab is not in the store"):
        full.find("0123456789ab")


def test_without_a_version_the_champion_is_found(full: Store, saved: Bundle) -> None:
    full.crown(saved.version)
    assert full.find().parent.name == full.champion == saved.version
    assert [(entry.version, entry.champion) for entry in full.entries()] == [(saved.version, True)]


def test_a_model_that_is_not_there_cannot_be_champion(full: Store) -> None:
    with pytest.raises(NotFound):
        full.crown("0123456789ab")
    assert full.champion is None


def test_a_version_may_be_shortened_while_it_is_clear(full: Store, saved: Bundle) -> None:
    assert full.resolve(saved.version[:4]) == saved.version
    for unclear in ("", saved.version[:3], "ffff0000"):
        with pytest.raises(NotFound):
            full.resolve(unclear)


def test_the_store_is_where_bentoml_keeps_it(monkeypatch: pytest.MonkeyPatch, full: Store, tmp_path: Path) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    assert open_store().entries() == full.entries()
