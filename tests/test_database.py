"""The database, in SQLite and in PostgreSQL: one schema, starts at once, an audit that stays, plain sentences."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Engine, exc, select, text

from casa.database import audit, open_database, reading, writing
from casa.errors import DatabaseUnavailable, InvalidSettings
from casa.migration import HEAD, migrate
from casa.schema import AUDIT, METADATA
from casa.settings import Settings
from tests.servers import free_port

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MIGRATE = """
from casa.database import open_database
from casa.migration import migrate
from casa.settings import load_settings
engine = open_database(load_settings())
migrate(engine)
engine.dispose()
"""


def settings_of(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/casa.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(settings_of(url))
    migrate(engine)
    yield engine
    engine.dispose()


def write_line(engine: Engine, at: datetime = NOON) -> None:
    with writing(engine) as connection:
        audit(connection, at=at, actor="me", action="key made", subject="abc", quota="5/day")


def test_a_migrated_database_is_the_declared_one(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_starts_at_once_all_succeed(url: str) -> None:
    command, environ = [sys.executable, "-W", "error", "-c", MIGRATE], {"CASA_DATABASE_URL": url, "PYTHONPATH": "."}
    starts = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [start.communicate()[1] for start in starts] == [""] * 4
    assert [start.returncode for start in starts] == [0] * 4


def test_a_moment_comes_back_in_utc(engine: Engine) -> None:
    write_line(engine, at=NOON.astimezone(timezone(timedelta(hours=5))))
    with reading(engine) as connection:
        moment = connection.execute(select(AUDIT.c.at)).scalar_one()
    assert (moment, moment.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize("change", ["DELETE FROM audit", "UPDATE audit SET actor = 'you'"])
def test_a_line_of_the_audit_cannot_be_changed(engine: Engine, change: str) -> None:
    write_line(engine)
    with pytest.raises(exc.IntegrityError, match="the audit is append-only"), writing(engine) as connection:
        connection.execute(text(change))


def test_the_audit_cannot_be_emptied_at_once(postgres_url: str) -> None:
    engine = open_database(settings_of(postgres_url))
    migrate(engine)
    with pytest.raises(exc.IntegrityError, match="the audit is append-only"), writing(engine) as connection:
        connection.execute(text("TRUNCATE audit"))
    engine.dispose()


def test_a_broken_transaction_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        audit(connection, at=NOON, actor="me", action="key made", subject=str(1 // 0))
    with reading(engine) as connection:
        assert connection.execute(select(AUDIT)).all() == []


def test_a_newer_schema_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'next'"))
    with pytest.raises(DatabaseUnavailable, match="was made by a newer Casa; upgrade this one"):
        migrate(engine)


def test_a_second_engine_ends_no_lock_of_the_first(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE any (id)"))
        open_database(Settings(data_dir=tmp_path)).dispose()
        # As the only one that is connected, it would take the write-ahead log away when it ends.
        other = f"import sqlite3; sqlite3.connect('{tmp_path}/casa.db').execute('SELECT * FROM sqlite_schema')"
        subprocess.run([sys.executable, "-c", other], check=True)
        assert (tmp_path / "casa.db-wal").exists()
    engine.dispose()


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path / "new" / "casa"))
    migrate(engine)
    write_line(engine)
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new" / "casa").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "new" / "casa").stat().st_mode) == 0o700
    engine.dispose()


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path))
    migrate(engine)
    with writing(engine) as writer, reading(engine) as reader:
        audit(writer, at=NOON, actor="me", action="key made", subject="abc")
        assert reader.execute(select(AUDIT)).all() == []
    engine.dispose()


def use(url: str) -> None:
    engine = open_database(settings_of(url))
    try:
        migrate(engine)
        write_line(engine)
    finally:
        engine.dispose()


def sentence(url: str) -> str:
    with pytest.raises(DatabaseUnavailable) as refusal:
        use(url)
    return str(refusal.value)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "casa.db").write_text("my diary, and nothing that SQLite wrote: " * 40)
    assert sentence(f"sqlite:///{tmp_path}/casa.db").endswith("casa.db is not a database file, or is damaged")


def test_a_folder_in_the_files_place_is_said(tmp_path: Path) -> None:
    assert "cannot be made: Is a directory" in sentence(f"sqlite:///{tmp_path}")


def test_a_read_only_file_is_said(tmp_path: Path) -> None:
    migrate(open_database(Settings(data_dir=tmp_path)))
    assert sentence(f"sqlite:///file:{tmp_path}/casa.db?mode=ro&uri=true").endswith("is read-only")


def test_a_read_only_server_is_said(postgres_url: str) -> None:
    options = "-c%20default_transaction_read_only%3Don"
    assert sentence(f"{postgres_url}&options={options}").endswith("is read-only")


def test_a_server_that_is_gone_is_said_without_the_password() -> None:
    words = sentence(f"postgresql://casa:hidden@127.0.0.1:{free_port()}/casa")
    assert "does not answer" in words
    assert "hidden" not in words


@pytest.mark.parametrize("url", ["mysql://host/name", "casa.db", "postgresql://host:port/name", ""])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(InvalidSettings, match="CASA_DATABASE_URL"):
        open_database(settings_of(url))


def test_the_newest_step_is_known_without_alembic(engine: Engine) -> None:
    with reading(engine) as connection:
        assert MigrationContext.configure(connection).get_current_heads() == (HEAD,)
