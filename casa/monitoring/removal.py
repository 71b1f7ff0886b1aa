"""Takes houses out of the journal: old ones, and those of one client. In small steps, so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, select

from casa.database import audit, writing
from casa.schema import FEEDBACK, FEEDBACK_HISTORY, PREDICTIONS

STEP_ROWS = 5_000


def remove_old(engine: Engine, *, before: datetime) -> bool:
    """Remove some of the predictions made before a moment; True if there may be more."""
    with writing(engine) as connection:
        return _remove(connection, PREDICTIONS.c.at < before.timestamp()) == STEP_ROWS


def erase(engine: Engine, client: str, *, actor: str, now: datetime, watch: Callable[[int], object]) -> int:
    """Remove all that is kept of a client's houses and feedback, and say so in the audit; how many predictions.

    `watch` is told their number from step to step. An erasure that breaks off is in the audit as begun: do it again.
    """
    with writing(engine) as connection:
        audit(connection, at=now, actor=actor, action="erasure begun", subject=client)
    rows = 0
    while step := _erase_step(engine, client):
        rows += step
        watch(rows)
    with writing(engine) as connection:
        tables = (FEEDBACK, FEEDBACK_HISTORY)
        prices = sum(connection.execute(delete(table).where(table.c.client == client)).rowcount for table in tables)
        audit(connection, at=now, actor=actor, action="client erased", subject=client, predictions=rows, prices=prices)
    return rows


def _erase_step(engine: Engine, client: str) -> int:
    with writing(engine) as connection:
        return _remove(connection, PREDICTIONS.c.client == client)


def _remove(connection: Connection, those: ColumnElement[bool]) -> int:
    step = select(PREDICTIONS.c.id).where(those).limit(STEP_ROWS)
    return connection.execute(delete(PREDICTIONS).where(PREDICTIONS.c.id.in_(step))).rowcount
