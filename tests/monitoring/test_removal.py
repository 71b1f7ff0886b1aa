"""Old predictions and erased clients: what goes, what stays, and how it is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import ColumnElement, Engine, delete, event, insert, select

from casa.database import reading, writing
from casa.monitoring import removal
from casa.monitoring.reference import Reference
from casa.monitoring.removal import erase, remove_old
from casa.schema import AUDIT, FEEDBACK, FEEDBACK_HISTORY, PREDICTIONS
from tests.monitoring.diary import NOON, VERSION, Diary, call

OLD = (NOON - timedelta(days=31)).timestamp()
SOLD = {"request_id": "a", "row": 0, "at": NOON, "price": 25.0}
TOLD = {"house": b"", "predicted": 24.0, "low": 20.0, "high": 28.0, "model_version": VERSION}


@pytest.fixture
def diary(engine: Engine, seen: Reference, monkeypatch: pytest.MonkeyPatch) -> Diary:
    """Five calls of acme, three of them old, and one of another client."""
    monkeypatch.setattr(removal, "STEP_ROWS", 2)
    diary = Diary(engine, seen)
    old = [call(name, at=OLD) for name in "abc"]
    diary.note([*old, call("d"), call("e"), call("f", client="other")])
    return diary


def ids(diary: Diary) -> list[str]:
    return [row.request_id for row in diary.rows()]


def give_feedback(engine: Engine) -> None:
    with writing(engine) as connection:
        for client in ("acme", "other"):
            connection.execute(insert(FEEDBACK).values(client=client, **SOLD, **TOLD))
            connection.execute(insert(FEEDBACK_HISTORY).values(client=client, **SOLD))


def plan(engine: Engine, those: ColumnElement[bool]) -> str:
    query = str(delete(PREDICTIONS).where(those).compile(engine, compile_kwargs={"literal_binds": True}))
    with reading(engine) as connection:
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())


def test_old_predictions_go_step_by_step(diary: Diary, engine: Engine) -> None:
    before = NOON - timedelta(days=30)
    assert [remove_old(engine, before=before) for _ in range(2)] == [True, False]
    assert ids(diary) == ["d", "e", "f"]


def test_the_journal_removes_what_is_old(diary: Diary) -> None:
    assert diary.journal.remove()
    assert diary.journal.remove()
    assert ids(diary) == ["d", "e", "f"]


def test_an_erased_client_leaves_nothing_but_a_line_in_the_audit(diary: Diary, engine: Engine) -> None:
    give_feedback(engine)
    steps: list[int] = []
    assert erase(engine, "acme", actor="me", now=NOON, watch=steps.append) == 5
    assert (steps, ids(diary)) == ([2, 4, 5], ["f"])
    assert {row.client for table in (FEEDBACK, FEEDBACK_HISTORY) for row in diary.rows(table)} == {"other"}
    begun, erased = diary.rows(AUDIT)
    assert (begun.action, erased.action, erased.subject) == ("erasure begun", "client erased", "acme")
    assert (erased.actor, erased.detail) == ("me", {"predictions": 5, "prices": 2})


def test_no_transaction_of_an_erasure_takes_long(diary: Diary, engine: Engine) -> None:
    sold = [{"client": "acme", **SOLD, "row": row} for row in range(5)]
    with writing(engine) as connection:
        connection.execute(insert(FEEDBACK), [{**TOLD, **one} for one in sold])
        connection.execute(insert(FEEDBACK_HISTORY), sold)
    sizes: list[int] = []
    event.listen(engine, "after_cursor_execute", lambda *call: sizes.append(max(call[1].rowcount, 0)))
    erase(engine, "acme", actor="me", now=NOON, watch=print)
    assert (max(sizes), diary.rows(FEEDBACK), diary.rows(FEEDBACK_HISTORY)) == (2, [], [])
    assert diary.rows(AUDIT)[-1].detail == {"predictions": 5, "prices": 10}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_replica_does_not_wait_for_another_that_removes_the_same(diary: Diary, engine: Engine) -> None:
    before = NOON - timedelta(days=30)
    with writing(engine) as connection:
        connection.execute(select(PREDICTIONS).where(PREDICTIONS.c.request_id == "a").with_for_update())
        remove_old(engine, before=before)
        assert ids(diary) == ["a", "d", "e", "f"]


@pytest.mark.parametrize(
    ("those", "index"),
    [
        (PREDICTIONS.c.at < OLD, "predictions_by_time"),
        (PREDICTIONS.c.client == "acme", "predictions_by_client"),
        ((PREDICTIONS.c.request_id == "a") & (PREDICTIONS.c.row == 0), "predictions_by_request"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_nothing_is_searched_row_by_row(engine: Engine, those: ColumnElement[bool], index: str) -> None:
    assert f"INDEX {index} (" in plan(engine, those)
