"""The tables of the database, as the newest migration leaves them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment, kept in UTC: SQLite would drop a time zone in silence."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData()

KEYS = Table(
    "keys",
    METADATA,
    Column("id", String(8), primary_key=True),
    Column("client", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("quota", String(32), nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant),
    Column("revoked", Instant),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("detail", JSON, nullable=False),
)
"""Who changed what is served, and when. Triggers refuse to change or delete a row."""

COUNTER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in a column of this very type."""

REPLICAS = Table(
    "replicas",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("model_version", String(12), nullable=False),
    Column("started", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("predictions", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
)
"""A process that serves, from its start on: `batch` is the last one it wrote, so that none is written twice."""

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("request_id", String(64), nullable=False),
    Column("row", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("client", String(64), nullable=False),
    Column("house", LargeBinary, nullable=False),
    Column("price", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("model_version", String(12), nullable=False),
    Column("warnings", Integer, nullable=False),
    Index("predictions_by_request", "request_id", "row"),
    Index("predictions_by_client", "client"),
    Index("predictions_by_time", "at"),
)
"""A priced house. `at` is in seconds since 1970, `house` 13 little-endian float64 with NaN for a value left out, and
`warnings` has a bit for each feature outside the training data."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("request_id", String(64), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("client", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("price", Double, nullable=False),
    Column("house", LargeBinary, nullable=False),
    Column("predicted", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("model_version", String(12), nullable=False),
    Index("feedback_by_client", "client"),
)
"""What a house really sold for, with what was said of it: it outlives the prediction's own row."""

FEEDBACK_HISTORY = Table(
    "feedback_history",
    METADATA,
    Column("id", COUNTER, primary_key=True, autoincrement=True),
    Column("request_id", String(64), nullable=False),
    Column("row", Integer, nullable=False),
    Column("client", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("price", Double, nullable=False),
    Index("feedback_history_by_client", "client"),
)
"""Prices that later ones replaced."""

HOURS = Table(
    "hours",
    METADATA,
    Column("hour", Instant, primary_key=True),
    Column("replica", String(32), primary_key=True),
    Column("predictions", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("errors", JSON, nullable=False),
    Column("latency", JSON, nullable=False),
    Column("seconds", Double, nullable=False),
)
"""An hour's calls of one replica: errors by status, calls by their latency's bucket, the sum of their seconds."""

ERRORS = Table(
    "errors",
    METADATA,
    Column("hour", Instant, primary_key=True),
    Column("model_version", String(12), primary_key=True),
    Column("prices", BigInteger, nullable=False),
    Column("covered", BigInteger, nullable=False),
    Column("error", Double, nullable=False),
    Column("squared_error", Double, nullable=False),
)
"""The feedback of an hour: how many prices, how many within their interval, and the sums of the model's errors."""

WINDOWS = Table(
    "windows",
    METADATA,
    Column("hour", Instant, primary_key=True),
    Column("model_version", String(12), primary_key=True),
    Column("reference", String(64), primary_key=True),
    Column("replica", String(32), primary_key=True),
    Column("content", JSON, nullable=False),
)
"""An hour's drift window of one replica, by the digest of the reference it was counted by."""

MODELS = Table(
    "models",
    METADATA,
    Column("version", String(12), primary_key=True),
    Column("created", Instant, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""A bundle as one zip archive, with the SHA-256 of the archive."""
