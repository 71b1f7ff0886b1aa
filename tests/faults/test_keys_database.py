"""The database of keys replaced, gone or hung under a running service: the old keys stay, and no call notices."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from casa.access.key_table import KeyTable
from casa.access.keys import KeyStore
from casa.access.record import Grant, make_key
from casa.access.refresher import Refresher
from casa.database import open_database, writing
from casa.errors import InvalidKey
from casa.migration import migrate
from casa.monitoring.metrics import Metrics
from casa.postgres import BoundedConnection
from casa.schema import KEYS
from casa.settings import Settings
from tests.servers import PostgresServer, until

TODAY = datetime(2026, 5, 1, tzinfo=UTC)
PEPPER = b"pepper of these tests, 32 bytes."
RANDOM = Random(5)
OLD, OLD_RECORD = make_key(Grant(client="old"), pepper=PEPPER, random=RANDOM, now=TODAY)
NEW, NEW_RECORD = make_key(Grant(client="new"), pepper=PEPPER, random=RANDOM, now=TODAY)


class Service:
    """A running service's keys, from the table of one database."""

    def __init__(self, engine: Engine) -> None:
        self.table = KeyTable(engine)
        self._store = KeyStore(PEPPER)
        self._metrics = Metrics()
        self.refresher = Refresher(self.table, self._store, metrics=self._metrics, seconds=0.005)
        self.refresher.load()
        self.refresher.start()

    def opens(self, token: str) -> bool:
        try:
            return bool(self._store.authenticate(token, now=TODAY))
        except InvalidKey:
            return False

    def is_broken(self) -> bool:
        return self._metrics.registry.get_sample_value("casa_keys_source_broken") == 1


def open_with(settings: Settings, *records: object) -> Engine:
    engine = open_database(settings)
    migrate(engine)
    for record in records:
        KeyTable(engine).add(record, actor="me")  # type: ignore[arg-type]
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    engine = open_with(Settings(data_dir=tmp_path, database_url=url and SecretStr(url)), OLD_RECORD)
    yield engine
    engine.dispose()


@pytest.fixture
def service(engine: Engine) -> Iterator[Service]:
    service = Service(engine)
    yield service
    service.refresher.stop()


def test_a_key_made_and_revoked_elsewhere_is_in_force(service: Service, engine: Engine) -> None:
    KeyTable(engine).add(NEW_RECORD, actor="me")
    until(lambda: service.opens(NEW))
    KeyTable(engine).revoke(OLD_RECORD.id, actor="me", now=TODAY)
    until(lambda: not service.opens(OLD))


def test_an_emptied_table_keeps_the_old_keys(service: Service, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(KEYS.delete())
    until(service.is_broken)
    assert service.opens(OLD)


def test_a_dropped_table_keeps_the_old_keys(service: Service, engine: Engine) -> None:
    with writing(engine) as connection:
        KEYS.drop(connection)
    until(service.is_broken)
    assert service.opens(OLD)


def test_a_restored_database_file_is_in_force(tmp_path: Path) -> None:
    open_with(Settings(data_dir=tmp_path / "backup"), NEW_RECORD).dispose()
    engine = open_with(Settings(data_dir=tmp_path / "live"), OLD_RECORD)
    service = Service(engine)
    for file in (tmp_path / "live").iterdir():  # its write-ahead log too, or SQLite would apply that to the new file
        file.unlink()
    until(service.is_broken)
    (tmp_path / "backup" / "casa.db").rename(tmp_path / "live" / "casa.db")
    until(lambda: service.opens(NEW) and not service.is_broken())
    service.refresher.stop()
    engine.dispose()


def test_a_hung_server_is_noticed_and_found_again(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_with(Settings(database_url=SecretStr(postgres_url)), OLD_RECORD)
    service = Service(engine)
    connection = service.table._watch.connection.driver_connection  # type: ignore[union-attr]
    assert isinstance(connection, BoundedConnection)
    connection.patience_seconds = 0.2
    postgres_server.signal(signal.SIGSTOP)
    until(service.is_broken)
    assert service.opens(OLD)
    postgres_server.signal(signal.SIGCONT)
    until(lambda: not service.is_broken())
    service.refresher.stop()
    engine.dispose()
