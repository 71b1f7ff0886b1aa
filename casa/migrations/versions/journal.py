"""The journal: predictions and feedback, and what is counted of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def moment(name: str, *, primary_key: bool = False) -> sa.Column[object]:
    """A column of moments."""
    return sa.Column(name, sa.DateTime(timezone=True), primary_key=primary_key, nullable=False)


def upgrade() -> None:
    """Make the tables `replicas`, `predictions`, `feedback`, `feedback_history`, `hours`, `errors` and `windows`."""
    make_predictions()
    make_feedback()
    make_rollups()


def make_predictions() -> None:
    """Who prices, and what was priced."""
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("model_version", sa.String(12), nullable=False),
        moment("started"),
        moment("seen"),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("predictions", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "predictions",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("house", sa.LargeBinary, nullable=False),
        sa.Column("price", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("model_version", sa.String(12), nullable=False),
        sa.Column("warnings", sa.Integer, nullable=False),
    )
    op.create_index("predictions_by_request", "predictions", ["request_id", "row"])
    op.create_index("predictions_by_client", "predictions", ["client"])
    op.create_index("predictions_by_time", "predictions", ["at"])


def make_feedback() -> None:
    """What the houses sold for."""
    op.create_table(
        "feedback",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("client", sa.String(64), primary_key=True),
        moment("at"),
        sa.Column("price", sa.Double, nullable=False),
        sa.Column("house", sa.LargeBinary, nullable=False),
        sa.Column("predicted", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("model_version", sa.String(12), nullable=False),
    )
    op.create_index("feedback_by_client", "feedback", ["client"])
    op.create_table(
        "feedback_history",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        moment("at"),
        sa.Column("price", sa.Double, nullable=False),
    )
    op.create_index("feedback_history_by_client", "feedback_history", ["client"])


def make_rollups() -> None:
    """Counts by the hour, so that no answer needs a scan of the rows."""
    op.create_table(
        "hours",
        moment("hour", primary_key=True),
        sa.Column("replica", sa.String(32), primary_key=True),
        sa.Column("predictions", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.JSON, nullable=False),
        sa.Column("latency", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )
    op.create_table(
        "errors",
        moment("hour", primary_key=True),
        sa.Column("model_version", sa.String(12), primary_key=True),
        sa.Column("prices", sa.BigInteger, nullable=False),
        sa.Column("covered", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Double, nullable=False),
        sa.Column("squared_error", sa.Double, nullable=False),
    )
    op.create_table(
        "windows",
        moment("hour", primary_key=True),
        sa.Column("model_version", sa.String(12), primary_key=True),
        sa.Column("reference", sa.String(64), primary_key=True),
        sa.Column("replica", sa.String(32), primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
    )
