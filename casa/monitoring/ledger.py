"""Writes the journal's tables: the rows of predictions and what is counted of them, each batch whole and once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from casa.database import find_inode, writing
from casa.errors import DatabaseUnavailable
from casa.monitoring.answers import Answered
from casa.monitoring.packer import Packer, Row
from casa.monitoring.removal import remove_old
from casa.schema import HOURS, PREDICTIONS, REPLICAS

SIZES = (500, 50, 5, 1)
"""Rows of one statement. While it runs other threads do, too: with one row each, they would be stopped for every row.
There are few sizes, for the driver keeps each statement compiled."""
COLUMNS = tuple(column.name for column in PREDICTIONS.columns if not column.primary_key)


@dataclass(frozen=True)
class Replica:
    """A process that serves."""

    id: str
    model_version: str
    started: datetime


@dataclass(frozen=True)
class Batch:
    """What is written together. Its number grows by one from batch to batch of a replica."""

    number: int
    answered: Sequence[Answered]
    hours: Mapping[datetime, Mapping[str, Any]]
    """Rows of `hours`, whole: they replace what was written of the same hour."""
    totals: Mapping[str, int]
    """What the replica counted since its start, for `replicas`."""


class Ledger:
    """Writes for one replica. A batch that may or may not have been committed is simply written again."""

    def __init__(self, engine: Engine, packer: Packer, replica: Replica) -> None:
        self._engine = engine
        self._packer = packer
        self._replica = replica
        self._inode = 0
        self._statements = {size: _statement(engine, rows=size) for size in SIZES}
        # Made once: to put them together takes as long as to run them.
        own, hour = REPLICAS.c.id == replica.id, HOURS.c.hour == bindparam("begin")
        self._find, self._renew = select(REPLICAS.c.batch).where(own), update(REPLICAS).where(own)
        self._recount = update(HOURS).where(hour, HOURS.c.replica == replica.id)

    def write(self, batch: Batch, *, now: datetime) -> None:
        """Write a batch, whole, unless it is there already; after DatabaseUnavailable, write it again."""
        self._look()
        with writing(self._engine) as connection:
            if self._begin(connection, batch, now=now):
                self._insert(connection, batch.answered)
                self._count(connection, batch.hours)
        self._look()  # what was written into a file that is gone must be written again

    def remove(self, *, before: datetime) -> bool:
        """Remove some old predictions; True if there may be more."""
        self._look()
        return remove_old(self._engine, before=before)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def _look(self) -> None:
        inode = find_inode(self._engine)
        if self._inode not in (0, inode):
            self._inode = 0
            self._engine.dispose()
            raise DatabaseUnavailable("another database has taken this one's place")
        self._inode = inode

    def _begin(self, connection: Connection, batch: Batch, *, now: datetime) -> bool:
        """Enter the batch's number; False if it is there already."""
        written = connection.execute(self._find).scalar()
        values = {"batch": batch.number, "seen": now, **batch.totals}
        if written is None:
            connection.execute(insert(REPLICAS).values(**vars(self._replica), **values))
        elif written < batch.number:
            connection.execute(self._renew, values)
        return written is None or written < batch.number

    def _insert(self, connection: Connection, answered: Sequence[Answered]) -> None:
        rows = self._packer.pack(answered)
        while portion := list(islice(rows, SIZES[0])):
            for part in _parts(portion):
                connection.exec_driver_sql(self._statements[len(part)], tuple(chain.from_iterable(part)))

    def _count(self, connection: Connection, hours: Mapping[datetime, Mapping[str, Any]]) -> None:
        for hour, counts in hours.items():
            if not connection.execute(self._recount, {"begin": hour, **counts}).rowcount:
                connection.execute(insert(HOURS).values(hour=hour, replica=self._replica.id, **counts))


def _statement(engine: Engine, *, rows: int) -> str:
    mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
    names = ", ".join(map(engine.dialect.identifier_preparer.quote, COLUMNS))
    values = ", ".join([f"({', '.join([mark] * len(COLUMNS))})"] * rows)
    return f"INSERT INTO {PREDICTIONS.name} ({names}) VALUES {values}"  # noqa: S608 - names of our own


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The same rows in as few parts of the sizes as there can be."""
    at = 0
    for size in SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size
