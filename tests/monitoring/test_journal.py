"""The journal, in SQLite and in PostgreSQL: whole rows, once each, whatever happens in between."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, event, text

from casa.database import open_database, writing
from casa.errors import Unavailable
from casa.migration import migrate
from casa.model.ensemble import Prices
from casa.monitoring.ledger import Batch
from casa.monitoring.packer import unpack
from casa.monitoring.priced import NOTHING, Priced
from casa.monitoring.reference import Reference
from casa.schema import HOURS, REPLICAS
from casa.settings import Settings
from tests.monitoring.diary import EXAMPLE, NOON, VERSION, Diary, call, calls, make_ledger
from tests.servers import until


@pytest.fixture
def diary(engine: Engine, seen: Reference) -> Diary:
    return Diary(engine, seen)


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Engine]:
    """A SQLite database, for what its file goes through."""
    engine = open_database(Settings(data_dir=tmp_path))
    migrate(engine)
    yield engine
    engine.dispose()


class Disk:
    """A disk on which the database finds so many pages."""

    def __init__(self, engine: Engine) -> None:
        self.pages = 60
        event.listen(engine, "checkout", self._bound)

    def _bound(self, connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages}")


def connected(engine: Engine) -> Engine:
    """The same database by new connections."""
    engine.dispose()
    return open_database(Settings(data_dir=Path(str(engine.url.database)).parent))


def cut_off(engine: Engine) -> Callable[[Any], None]:
    """Commits, but the answer does not come back."""
    commit, lost = engine.dialect.do_commit, engine.dialect.dbapi.OperationalError  # type: ignore[union-attr]

    def do_commit(connection: Any) -> None:
        commit(connection)
        raise lost("the line is cut")

    return do_commit


def test_a_row_tells_who_asked_what_and_heard_what(diary: Diary) -> None:
    diary.note([call()])
    ((_, *row),) = diary.rows()
    assert row[:4] == ["id", 0, NOON.timestamp(), "acme"]
    assert unpack([row[4]]).tolist() == [list(EXAMPLE)]
    assert row[5:] == [24.0, 20.0, 28.0, VERSION, 0]


def test_a_batch_has_a_row_for_each_house_that_was_priced(diary: Diary) -> None:
    houses, prices = np.array([EXAMPLE, EXAMPLE]), Prices(*np.array([[1.0, 2], [0, 1], [2, 3]]))
    diary.note([call(priced=Priced.many(houses, prices, places=(0, 2)))])
    assert [(row.row, row.price) for row in diary.rows()] == [(0, 1.0), (2, 2.0)]


def test_rows_of_a_stream_keep_their_numbers(diary: Diary) -> None:
    diary.note([call(row=row) for row in range(3)])
    assert [row.row for row in diary.rows()] == [0, 1, 2]


def test_values_left_out_and_unusual_ones_are_known(diary: Diary) -> None:
    house = (*EXAMPLE[:1], math.nan, *EXAMPLE[2:-1], 39.9)
    diary.note([call(priced=Priced.one(house, 24.0, 20.0, 28.0))])
    (row,) = diary.rows()
    assert np.isnan(unpack([row.house])).tolist() == [[False, True, *[False] * 11]]
    assert row.warnings == 1 << 12


def test_any_number_of_calls_is_written_in_order(diary: Diary) -> None:
    diary.note(calls(1_278))
    assert [row.request_id for row in diary.rows()] == [f"id{place}" for place in range(1_278)]
    assert diary.journal.backlog == 0


def test_calls_without_a_price_have_no_row(diary: Diary) -> None:
    diary.note([call(status="422", priced=NOTHING)])
    assert diary.rows() == []


def test_calls_are_counted_by_the_hour(diary: Diary) -> None:
    late = NOON.timestamp() + 3600
    diary.note([call(), call(status="422", priced=NOTHING), call(at=late)])
    diary.note([call(at=late)])
    counted = [(row.hour.hour, row.predictions, row.requests, row.errors) for row in diary.rows(HOURS)]
    assert counted == [(12, 1, 2, {"422": 1}), (13, 2, 2, {})]
    assert [sum(row.latency) for row in diary.rows(HOURS)] == [2, 2]


def test_probes_are_not_counted(diary: Diary) -> None:
    diary.note([call(client="", priced=NOTHING)])
    assert diary.rows(HOURS) == []


def test_a_replica_says_what_it_serves_and_since_when(diary: Diary) -> None:
    diary.note(calls(2))
    diary.note(calls(3))
    (row,) = diary.rows(REPLICAS)
    assert tuple(row) == ("one", VERSION, NOON, NOON, 2, 5, 5)


def test_a_replica_is_known_before_its_first_call(diary: Diary) -> None:
    for _ in range(2):
        diary.journal.write()
    assert [tuple(row) for row in diary.rows(REPLICAS)] == [("one", VERSION, NOON, NOON, 1, 0, 0)]


def test_a_batch_that_is_written_twice_is_there_once(diary: Diary, engine: Engine, seen: Reference) -> None:
    ledger = make_ledger(engine, seen)
    batch = Batch(1, calls(2), {}, {"predictions": 2, "requests": 2})
    for _ in range(2):
        ledger.write(batch, now=NOON)
    assert len(diary.rows()) == 2


def test_a_commit_whose_answer_is_lost_doubles_nothing(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(diary.engine.dialect, "do_commit", cut_off(diary.engine))
        diary.note(calls(2))
    assert (len(diary.rows()), diary.journal.backlog) == (2, 2), "it is there, and the journal does not know"
    assert diary.journal.write()
    assert (len(diary.rows()), diary.journal.backlog) == (2, 0)


def test_rows_beyond_the_bound_are_sampled_and_then_lost(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, whole_rows=100, most_rows=110)
    diary.note(calls(400))
    assert [diary.count(end) for end in ("written", "left out", "lost")] == [110, 81, 209]
    ((*_, predictions, requests),) = diary.rows(REPLICAS)
    assert (predictions, requests) == (400, 400), "the share of what was kept is known"


def test_a_call_larger_than_the_bound_is_kept_where_nothing_else_waits(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, whole_rows=2, most_rows=3)
    houses = Priced.many(np.array([EXAMPLE] * 4), Prices(*np.full((3, 4), 24.0)))
    diary.note([call(priced=houses), call(priced=houses)])
    assert [diary.count(end) for end in ("written", "lost")] == [4, 4]


def test_a_durable_call_is_refused_at_once_where_too_many_wait(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, promise="durable", most_rows=2)

    async def keep_three() -> list[BaseException | None]:
        waiting = [asyncio.create_task(diary.journal.keep(call())) for _ in range(3)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return [one.exception() for one in done]

    assert [type(error) for error in asyncio.run(keep_three())] == [Unavailable]
    assert diary.journal.backlog == 2


def test_calls_that_never_end_do_not_put_off_the_removal_of_old_ones(diary: Diary) -> None:
    diary.note([call("old", at=0.0)])
    coming = [True]
    event.listen(diary.engine, "commit", lambda _: diary.journal.watch([call()] if coming else [], lost=0))
    diary.journal.watch([call()], lost=0)
    diary.journal.start()
    until(lambda: "old" not in {row.request_id for row in diary.rows()})
    coming.clear()
    diary.journal.stop()


def test_nothing_is_kept_with_the_journal_off(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, promise="off")
    diary.note([call()])
    assert (diary.rows(), len(diary.rows(HOURS))) == ([], 1)


def test_a_durable_call_returns_when_its_row_is_there(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, promise="durable")
    diary.journal.start()
    asyncio.run(diary.journal.keep(call()))
    assert len(diary.rows()) == 1
    diary.journal.stop()


def test_a_durable_call_fails_when_its_row_cannot_be_written(engine: Engine, seen: Reference) -> None:
    diary = Diary(engine, seen, promise="durable")
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE predictions RENAME TO hidden"))
    diary.journal.start()
    with pytest.raises(Unavailable, match="the journal cannot be written"):
        asyncio.run(diary.journal.keep(call()))
    diary.journal.stop()
    assert diary.journal.backlog == 0


def test_a_full_disk_loses_nothing_but_time(on_disk: Engine, seen: Reference) -> None:
    diary = Diary(on_disk, seen)
    disk = Disk(on_disk)
    diary.note(calls(2_000))
    assert (diary.rows(), diary.journal.backlog) == ([], 2_000)
    disk.pages = 1_000_000
    assert diary.journal.write()
    assert len(diary.rows()) == 2_000


def test_no_empty_database_is_put_where_one_is_missing(on_disk: Engine, seen: Reference) -> None:
    diary, file = Diary(on_disk, seen), Path(str(on_disk.url.database))
    on_disk.dispose()
    file.unlink()
    diary.note(calls(2))
    assert (file.exists(), diary.journal.backlog) == (False, 2)


def test_what_went_into_a_file_that_is_taken_away_is_written_again(on_disk: Engine, seen: Reference) -> None:
    diary, file = Diary(on_disk, seen), Path(str(on_disk.url.database))
    event.listen(on_disk, "commit", lambda _: file.rename(file.with_name("away.db")), once=True)
    diary.note(calls(2))
    assert diary.journal.backlog == 2
    migrate(connected(on_disk))
    assert not diary.journal.write(), "it is another file, with other connections"
    assert (diary.journal.write(), len(diary.rows())) == (True, 2)


def test_a_vanished_database_is_not_written_to_until_it_is_back(on_disk: Engine, seen: Reference) -> None:
    diary, file = Diary(on_disk, seen), Path(str(on_disk.url.database))
    diary.note(calls(1))
    away = file.rename(file.with_name("away.db"))
    diary.note(calls(2))
    assert (diary.journal.backlog, diary.metrics.registry.get_sample_value("casa_journal_broken")) == (2, 1)
    away.rename(file)
    assert diary.journal.write()
    assert len(diary.rows()) == 3


def test_another_database_in_its_place_gets_the_rows_that_wait(on_disk: Engine, seen: Reference) -> None:
    diary, file = Diary(on_disk, seen), Path(str(on_disk.url.database))
    diary.note(calls(1))
    for old in file.parent.glob("casa.db*"):
        old.unlink()
    fresh = open_database(Settings(data_dir=file.parent))
    migrate(fresh)
    fresh.dispose()
    diary.note(calls(2))
    assert diary.journal.write()
    assert len(diary.rows()) == 2


def test_a_locked_database_is_waited_for_by_the_thread_alone(on_disk: Engine, seen: Reference) -> None:
    diary = Diary(on_disk, seen)
    diary.journal.start()
    with writing(on_disk):
        diary.journal.watch(calls(2), lost=0)
        assert diary.journal.backlog == 2
    until(lambda: diary.journal.backlog == 0)
    diary.journal.stop()


def test_the_end_of_the_service_writes_what_waits(diary: Diary) -> None:
    diary.journal.start()
    diary.journal.watch(calls(2), lost=0)
    diary.journal.stop()
    assert len(diary.rows()) == 2
