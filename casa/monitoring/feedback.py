"""Feedback: what houses really sold for, joined with what was said of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, insert, select, update

from casa.database import writing
from casa.errors import NotFound, Unavailable
from casa.monitoring.journal import Journal
from casa.monitoring.question import ask
from casa.sale import Sale
from casa.schema import ERRORS, FEEDBACK, FEEDBACK_HISTORY, PREDICTIONS

LOOKS = 8
LOOK_SECONDS = 0.1
"""A prediction may be on its way into the database for half a second, from another replica, too."""
TOLD = ("house", "predicted", "low", "high", "model_version")

Told = Mapping[str, Any]
"""What was said of a house, by the names of `TOLD`."""


class Feedback:
    """Takes prices for what this database's replicas have predicted."""

    def __init__(self, engine: Engine, journal: Journal, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._journal = journal
        self._now = now

    async def give(self, sale: Sale, client: str) -> bool:
        """Keep a price; was there one before?

        NotFound if this client was not told a price under this id, Unavailable if that cannot be known yet. A price
        whose caller was told that may be kept all the same.
        """
        for look in range(LOOKS):
            await asyncio.sleep(LOOK_SECONDS * bool(look))
            replaced = await ask(partial(self.write, sale, client))
            if replaced is not None:
                return replaced
        if self._journal.backlog:
            raise Unavailable("the journal is behind, and this price may still be on its way into it")
        raise NotFound("no price is known by this request id and row")

    def write(self, sale: Sale, client: str) -> bool | None:
        """As `give`, with a single look; None if no such prediction is there."""
        now = self._now()
        with writing(self._engine) as connection:
            told = _find(connection, PREDICTIONS, sale, client)  # locked first: of two prices at once, one waits
            known = _find(connection, FEEDBACK, sale, client)
            if told is None and known is None:
                return None
            if known is not None:
                _retire(connection, known)
            _keep(connection, sale, client, told=_told(told, known), known=known is not None, now=now)
        return known is not None

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _find(connection: Connection, table: Table, sale: Sale, client: str) -> Row[Any] | None:
    """The newest: a client may have used an id twice."""
    found = connection.execute(select(table).where(*_same(table, sale, client)).with_for_update()).all()
    return max(found, key=lambda row: (row.at, row[0]), default=None)


def _same(table: Table, sale: Sale, client: str) -> list[Any]:  # SQLAlchemy's conditions
    return [table.c.request_id == sale.request_id, table.c.row == sale.row, table.c.client == client]


def _told(prediction: Row[Any] | None, known: Row[Any] | None) -> Told:
    found = prediction or known
    assert found is not None, "one of them is there"
    columns = found._asdict()
    return {name: columns["price" if name == "predicted" and prediction else name] for name in TOLD}


def _keep(connection: Connection, sale: Sale, client: str, *, told: Told, known: bool, now: datetime) -> None:
    values = {"at": now, "price": sale.price, **told}
    if known:
        connection.execute(update(FEEDBACK).where(*_same(FEEDBACK, sale, client)).values(**values))
    else:
        connection.execute(insert(FEEDBACK).values(request_id=sale.request_id, row=sale.row, client=client, **values))
    _count(connection, values, sign=1)


def _retire(connection: Connection, known: Row[Any]) -> None:
    """Put a price into the history, and count it no more."""
    columns = known._asdict()
    names = ("request_id", "row", "client", "at", "price")
    connection.execute(insert(FEEDBACK_HISTORY).values({name: columns[name] for name in names}))
    _count(connection, columns, sign=-1)


def _count(connection: Connection, given: Mapping[str, Any], *, sign: int) -> None:
    """Add a price to its hour's sums, or take it away."""
    error = given["predicted"] - given["price"]
    sums = {
        "prices": sign,
        "covered": sign * (given["low"] <= given["price"] <= given["high"]),
        "error": sign * error,
        "squared_error": sign * error**2,
    }
    hour = given["at"].replace(minute=0, second=0, microsecond=0)
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")  # the other one is not loaded
    insert_or = dialect.insert(ERRORS)
    new = insert_or.values(hour=hour, model_version=given["model_version"], **sums)
    more = {name: ERRORS.c[name] + new.excluded[name] for name in sums}
    connection.execute(new.on_conflict_do_update(index_elements=["hour", "model_version"], set_=more))
