"""A journal over a test's database, and calls to put into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, Table, select

from casa.database import reading
from casa.house import HOUSE
from casa.monitoring.answers import Answered
from casa.monitoring.journal import Journal
from casa.monitoring.ledger import Ledger, Replica
from casa.monitoring.metrics import Metrics
from casa.monitoring.packer import Packer
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.schema import PREDICTIONS
from casa.settings import Promise

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EXAMPLE = tuple(float(feature.example) for feature in HOUSE.features)
ONE = Priced.one(EXAMPLE, 24.0, 20.0, 28.0)
VERSION = "0123456789ab"


def call(request_id: str = "id", *, priced: Priced = ONE, row: int = 0, **changes: Any) -> Answered:
    """A finished call of the client acme, at noon."""
    first = Answered(NOON.timestamp(), "/predict", "200", 0.004, (0.001, 0.0, 0.002), request_id, "acme", row, priced)
    return first._replace(**changes)


def calls(number: int) -> list[Answered]:
    """Calls with an id each, from `id0` on."""
    return [call(f"id{place}") for place in range(number)]


def make_ledger(engine: Engine, seen: Reference, *, replica: str = "one") -> Ledger:
    """What writes for a replica that serves this reference's model."""
    return Ledger(engine, Packer(seen, version=VERSION), Replica(replica, VERSION, NOON))


class Diary:
    """A journal whose thread is the test's own, and what it has written."""

    def __init__(self, engine: Engine, seen: Reference, *, promise: Promise = "buffered", **bounds: int) -> None:
        self.engine = engine
        self.metrics = Metrics()
        ledger = make_ledger(engine, seen)
        self.journal = Journal(ledger, promise=promise, metrics=self.metrics, now=lambda: NOON, **bounds)

    def note(self, answered: Sequence[Answered]) -> None:
        """Take these calls and write them."""
        self.journal.watch(answered, lost=0)
        self.journal.write()

    def rows(self, table: Table = PREDICTIONS) -> Sequence[Row[Any]]:
        """All rows of a table."""
        with reading(self.engine) as connection:
            return connection.execute(select(table).order_by(*table.primary_key)).all()

    def count(self, outcome: str) -> float | None:
        """Rows that met this end."""
        return self.metrics.registry.get_sample_value("casa_journal_rows_total", {"outcome": outcome})
