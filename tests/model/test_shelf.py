"""The shelf, in SQLite and in PostgreSQL: what comes back is what was put there, or it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, update

from casa.database import open_database, reading, writing
from casa.errors import DatabaseUnavailable, InvalidBundle, NotFound
from casa.migration import migrate
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.shelf import Shelf
from casa.schema import MODELS
from casa.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/casa.db" if sqlite else str(request.getfixturevalue("postgres_url"))
    engine = open_database(Settings(database_url=SecretStr(url)))
    yield engine
    engine.dispose()


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    migrate(engine)
    return Shelf(engine)


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(MODELS)).scalar_one()


def test_a_model_comes_back_byte_by_byte(shelf: Shelf, bundle_folder: Path, saved: Bundle, tmp_path: Path) -> None:
    assert shelf.put(bundle_folder) == saved.version
    shelf.take(saved.version, tmp_path / "back")
    assert bundle.load(tmp_path / "back", expect=saved.version).files == saved.files
    assert (tmp_path / "back/manifest.json").read_bytes() == (bundle_folder / "manifest.json").read_bytes()


def test_a_model_that_was_never_put_there_is_not_found(shelf: Shelf, tmp_path: Path) -> None:
    assert not shelf.has("0123456789ab")
    with pytest.raises(NotFound, match="it has no such model"):
        shelf.take("0123456789ab", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_model_is_kept_once(shelf: Shelf, engine: Engine, bundle_folder: Path, saved: Bundle) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(shelf.put, [bundle_folder] * 4)) == [saved.version] * 4
    assert (count(engine), shelf.has(saved.version)) == (1, True)


def test_a_damaged_row_is_refused_and_mended_by_the_next_put(
    shelf: Shelf, engine: Engine, bundle_folder: Path, saved: Bundle, tmp_path: Path
) -> None:
    shelf.put(bundle_folder)
    with writing(engine) as connection:
        connection.execute(update(MODELS).values(content=b"half"))
    with pytest.raises(InvalidBundle, match="its copy is damaged"):
        shelf.take(saved.version, tmp_path / "back")
    shelf.put(bundle_folder)
    shelf.take(saved.version, tmp_path / "back")


def test_another_model_under_this_version_is_refused(
    shelf: Shelf, engine: Engine, bundle_folder: Path, saved: Bundle, tmp_path: Path
) -> None:
    shelf.put(bundle_folder)
    with writing(engine) as connection:
        connection.execute(update(MODELS).values(version="0123456789ab"))
    with pytest.raises(InvalidBundle, match=f"the bundle's files are version {saved.version}, not 0123456789ab"):
        shelf.take("0123456789ab", tmp_path / "back")


def test_a_damaged_bundle_is_not_put_there(shelf: Shelf, engine: Engine, bundle_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bad"))
    (folder / bundle.CARD).write_text("changed")
    with pytest.raises(InvalidBundle):
        shelf.put(folder)
    assert count(engine) == 0


def test_a_database_without_the_table_is_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="models"):
        Shelf(engine).take("0123456789ab", tmp_path / "back")


def test_a_row_tells_when_it_was_put_there(shelf: Shelf, engine: Engine, bundle_folder: Path) -> None:
    shelf.put(bundle_folder)
    with reading(engine) as connection:
        row = connection.execute(select(MODELS)).one()
    assert (len(row.digest), row.created.tzinfo is not None) == (64, True)
    assert json.loads((bundle_folder / bundle.MANIFEST).read_bytes())["version"] == row.version
