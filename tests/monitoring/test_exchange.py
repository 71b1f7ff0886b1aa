"""Hours that go through the database, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from structlog.testing import capture_logs

from casa.database import open_database, writing
from casa.migration import migrate
from casa.model.ensemble import Prices
from casa.monitoring.answers import Answered
from casa.monitoring.exchange import Exchange
from casa.monitoring.live import LiveError
from casa.monitoring.outlook import KEPT, SETTLING, Outlook
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.monitoring.window_table import WindowTable
from casa.settings import Settings
from pipeline.train import Rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Process(NamedTuple):
    """One process's part of it, at a time of its own."""

    outlook: Outlook
    exchange: Exchange

    @property
    def rows(self) -> int:
        """How many houses it knows of, after a look."""
        self.exchange.look()
        return self.outlook.window.rows

    def price(self, houses: Priced, *, at: datetime = NOON) -> None:
        record = Answered(at.timestamp(), "/predict", "200", 0.001, (0.0, 0.0, 0.0), "id", "acme", 0, houses)
        self.outlook.watch([record], lost=0)


Clock = Callable[[], datetime]
Start = Callable[..., Process]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/casa.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = open_database(Settings(database_url=SecretStr(url)))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def start(engine: Engine, seen: Reference) -> Start:
    """Starts a process; none has another's name."""
    names = iter("abcdefgh")

    def start(*, now: Clock = lambda: NOON, version: str = "v", reference: str = "r") -> Process:
        outlook = Outlook(seen, now=now)
        table = WindowTable(engine, version=version, reference=reference, replica=next(names))
        live = LiveError(engine, version=version, now=now)
        return Process(outlook, Exchange(outlook, table, [live], now=now, seconds=3600.0))

    return start


@pytest.fixture(scope="module")
def large(table: Rows, told: Prices) -> Priced:
    """The bundled houses, with a bedroom more in each."""
    return Priced.many(table.houses + np.eye(13)[5], told)


def rename(engine: Engine, old: str, new: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def test_replicas_add_up(start: Start, large: Priced) -> None:
    one, other = start(), start()
    for process in (one, other, one):
        process.price(large)
    assert (one.rows, other.rows, one.rows) == (2 * 506, 3 * 506, 3 * 506)


def test_an_hour_that_grows_is_not_counted_twice(start: Start, large: Priced) -> None:
    one, other = start(), start()
    for times in (1, 2, 3):
        one.price(large)
        assert (one.rows, other.rows) == (times * 506,) * 2


def test_what_was_counted_comes_back_as_it_was(start: Start, large: Priced) -> None:
    one, other = start(), start()
    one.price(large)
    one.exchange.look()
    other.exchange.look()
    assert other.outlook.report() == one.outlook.report()
    assert other.outlook.window.to_dict() == one.outlook.window.to_dict()


def test_a_restart_goes_on_with_the_alarm(start: Start, large: Priced) -> None:
    before = start()
    for hours in (0, 1):
        before.price(large, at=NOON + hours * HOUR)
    before.exchange.look()
    after = start(now=lambda: NOON + 2 * HOUR + SETTLING)
    for _ in range(2):
        after.exchange.look()
        assert after.outlook.alarm.since == NOON


def test_another_model_or_reference_counts_apart(start: Start, large: Priced) -> None:
    start_with = [{}, {"version": "w"}, {"reference": "s"}]
    for own in start_with:
        process = start(**own)
        process.price(large)
        process.exchange.look()
    assert [start(**own).rows for own in start_with] == [506] * 3


def test_a_database_that_is_away_loses_nothing(start: Start, engine: Engine, large: Priced) -> None:
    one, other = start(), start()
    rename(engine, "windows", "away")
    one.price(large)
    with capture_logs() as lines:
        assert [one.rows, one.rows] == [506, 506], "it goes on by itself"
    assert [line["event"] for line in lines] == ["drift goes on by this process alone"]
    rename(engine, "away", "windows")
    assert (one.rows, other.rows) == (506, 506)


def test_others_stay_known_while_it_is_away(start: Start, engine: Engine, large: Priced) -> None:
    one, other = start(), start()
    one.price(large)
    assert (one.rows, other.rows) == (506, 506)
    rename(engine, "windows", "away")
    assert other.rows == 506


def test_a_thread_exchanges_and_writes_once_more_at_the_end(start: Start, large: Priced) -> None:
    one, other = start(), start()
    one.exchange.start()
    one.price(large)
    one.exchange.stop()
    assert other.rows == 506


def test_what_was_stored_late_is_read_when_an_hour_has_settled(start: Start, large: Priced) -> None:
    moments = [NOON + 5 * HOUR]
    one, other = start(now=lambda: moments[-1]), start()
    one.exchange.look()
    for hours in (0, 1):
        other.price(large, at=NOON + hours * HOUR)
    other.exchange.look()
    one.exchange.look()
    assert one.outlook.alarm.since is None
    moments.append(NOON + 6 * HOUR + SETTLING)
    one.exchange.look()
    assert one.outlook.alarm.since == NOON


def test_old_hours_are_deleted(start: Start, engine: Engine, large: Priced) -> None:
    one = start()
    one.price(large)
    one.exchange.look()
    start(now=lambda: NOON + KEPT + HOUR).exchange.look()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM windows").scalar() == 0
