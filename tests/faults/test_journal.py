"""What is on disk after the worker was killed, the machine's last word, and while the database cannot be written."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import httpx
import psycopg
import pytest

from casa.house import HOUSE
from tests.servers import PostgresServer, need, until
from tests.service.server import Server, serve

CALLERS = 8


@pytest.fixture
def home(store_home: Path, tmp_path: Path) -> Path:
    """A BENTOML_HOME and a data folder of this test's own."""
    return Path(shutil.copytree(store_home, tmp_path / "home"))


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may crash without harm to other tests."""
    need("initdb", "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="casa-postgres-"))  # pytest's own folders are closed to another user
    server = PostgresServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@contextmanager
def journal_of(server: Server) -> Iterator[sqlite3.Connection]:
    """The service's database, seen from outside."""
    with closing(sqlite3.connect(Path(server.settings["CASA_DATA_DIR"]) / "casa.db", isolation_level=None)) as database:
        yield database


def kept(server: Server) -> list[str]:
    """The ids of all calls that are on disk, each as often as it is."""
    with journal_of(server) as database:
        return [row[0] for row in database.execute("SELECT request_id FROM predictions ORDER BY id")]


def price(server: Server) -> httpx.Response:
    return server.client.post("/predict", json=HOUSE.example)


def call_until(end: Event, server: Server) -> list[str]:
    """The ids of one caller's calls that were answered, until the service is gone."""
    told: list[str] = []
    with httpx.Client(base_url=server.client.base_url, headers=server.client.headers) as client:
        while not end.is_set():
            try:
                answer = client.post("/predict", json=HOUSE.example)
            except httpx.TransportError:
                break
            told.append(answer.json()["request_id"])
    return told


def kill_under_load(server: Server, *, calls: int) -> list[str]:
    """Kill -9 of the worker once so many calls are on disk; the ids that callers were told."""
    end = Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        told = [pool.submit(call_until, end, server) for _ in range(CALLERS)]
        until(lambda: len(kept(server)) > calls, seconds=30)
        server.worker().kill()
        end.set()
        return [request_id for one in told for request_id in one.result()]


def test_what_a_durable_service_has_answered_outlives_a_kill(home: Path) -> None:
    with serve(".", home=home, CASA_JOURNAL="durable") as server:
        told = kill_under_load(server, calls=200)
        rows = kept(server)
    assert len(told) > 200 - CALLERS  # a call a caller may be on disk and not yet told
    assert set(told) <= set(rows)
    assert len(rows) == len(set(rows))


def test_a_buffered_service_loses_half_a_second_at_most(home: Path) -> None:
    with serve(".", home=home) as server:
        told = [price(server).json()["request_id"] for _ in range(50)]
        Event().wait(0.5)
        server.worker().kill()
        assert kept(server) == told


def test_a_stop_loses_nothing(home: Path) -> None:
    with serve(".", home=home) as server:
        told = [price(server).json()["request_id"] for _ in range(50)]
        server.stop()
        assert kept(server) == told


def test_a_locked_database_delays_no_answer(home: Path) -> None:
    with serve(".", home=home) as server:
        with journal_of(server) as database:
            database.execute("BEGIN IMMEDIATE")
            times = [price(server).elapsed.total_seconds() for _ in range(200)]
            assert (len(kept(server)), max(times) < 1) == (0, True)
        until(lambda: len(kept(server)) == 200)


def test_a_durable_service_says_that_it_cannot_keep_a_price(home: Path) -> None:
    with serve(".", home=home, CASA_JOURNAL="durable") as server:
        with journal_of(server) as database:
            database.execute("BEGIN IMMEDIATE")
            answer = price(server)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        until(lambda: price(server).status_code == 200)


def test_a_database_that_is_moved_away_and_back_gets_every_row(home: Path) -> None:
    with serve(".", home=home) as server:
        file = Path(server.settings["CASA_DATA_DIR"]) / "casa.db"
        away = file.rename(file.with_name("away.db"))
        assert [price(server).status_code for _ in range(50)] == [200] * 50
        until(lambda: "casa_journal_broken 1.0" in server.client.get("/metrics").text)
        away.rename(file)
        until(lambda: len(kept(server)) == 50)


def test_a_postgresql_that_crashes_and_comes_back_gets_every_row_once(home: Path, postgres: PostgresServer) -> None:
    url = postgres.make_database()
    with serve(".", home=home, CASA_DATABASE_URL=url) as server:
        told = [price(server)]
        for change in (postgres.stop, postgres.start):
            change()
            told += [price(server) for _ in range(50)]
        assert {answer.status_code for answer in told} == {200}
        until(lambda: "casa_journal_backlog 0.0" in server.client.get("/metrics").text)
        with psycopg.connect(url) as database:
            rows = database.execute("SELECT request_id FROM predictions ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [answer.json()["request_id"] for answer in told]
