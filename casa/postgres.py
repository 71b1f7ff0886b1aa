"""PostgreSQL by psycopg, every wait bounded: a server that hangs must not hang us."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

Answer = TypeVar("Answer")

CONNECT_SECONDS = 5


class BoundedConnection(psycopg.Connection[Any]):  # what a row is, SQLAlchemy decides
    """A connection that gives up: `statement_timeout` is the server's promise, and a stopped server keeps none."""

    patience_seconds = 10.0

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        """As psycopg's, but never longer than `patience_seconds`; after that the connection is closed."""
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.patience_seconds)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # not the server's word, so the connection's state is unknown
                self.pgconn.finish()
            raise


def open_postgres(url: URL, *, seconds: int) -> Engine:
    """An engine whose statements and locks take at most `seconds`, twice that if the server says nothing at all."""
    milliseconds = seconds * 1000
    bounds = {
        "application_name": "casa",
        "connect_timeout": str(min(seconds, CONNECT_SECONDS)),
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
        "tcp_user_timeout": str(2 * milliseconds),
    }
    engine = create_engine(
        url,
        connect_args={name: value for name, value in bounds.items() if name not in url.query},
        pool_pre_ping=True,
        pool_size=2,
        pool_timeout=seconds,
        max_overflow=8,
    )

    @event.listens_for(engine, "do_connect")
    def connect(_: Dialect, __: ConnectionPoolEntry, words: list[str], names: dict[str, Any]) -> BoundedConnection:
        connection = BoundedConnection.connect(*words, **names)
        connection.patience_seconds = 2.0 * seconds
        return connection

    return engine
