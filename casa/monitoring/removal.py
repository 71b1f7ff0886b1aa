"""Takes houses out of the journal: old ones, and those of one client. In small steps, so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, delete, select, tuple_

from casa.database import audit, writing
from casa.schema import FEEDBACK, FEEDBACK_HISTORY, PREDICTIONS

STEP_ROWS = 5_000


def remove_old(engine: Engine, *, before: datetime) -> bool:
    """Remove some of the predictions made before a moment; True if there may be more.

    Rows that another replica is removing are left to it: the two would wait for each other.
    """
    old = select(PREDICTIONS.c.id).where(PREDICTIONS.c.at < before.timestamp()).limit(STEP_ROWS)
    with writing(engine) as connection:
        return _remove(connection, PREDICTIONS, old.with_for_update(skip_locked=True)) == STEP_ROWS


def erase(engine: Engine, client: str, *, actor: str, now: datetime, watch: Callable[[int], object]) -> int:
    """Remove all that is kept of a client's houses and feedback, and say so in the audit; how many predictions.

    `watch` is told their number from step to step. An erasure that breaks off is in the audit as begun: do it again.
    """
    with writing(engine) as connection:
        audit(connection, at=now, actor=actor, action="erasure begun", subject=client)
    rows = 0
    for step in _erase(engine, PREDICTIONS, client):
        rows += step
        watch(rows)
    prices = sum(step for table in (FEEDBACK, FEEDBACK_HISTORY) for step in _erase(engine, table, client))
    with writing(engine) as connection:
        audit(connection, at=now, actor=actor, action="client erased", subject=client, predictions=rows, prices=prices)
    return rows


def _erase(engine: Engine, table: Table, client: str) -> Iterator[int]:
    """Remove a client's rows step by step; how many in each."""
    own = select(*table.primary_key).where(table.c.client == client).limit(STEP_ROWS)
    step = STEP_ROWS
    while step:
        with writing(engine) as connection:
            step = _remove(connection, table, own)
        if step:
            yield step


def _remove(connection: Connection, table: Table, those: Select[Any]) -> int:
    """Remove the rows with these keys; how many there were."""
    return connection.execute(delete(table).where(tuple_(*table.primary_key).in_(those))).rowcount
