"""What the calls of all replicas add up to, restarts included. It is read from roll-ups, never from the calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, Table, func, select

from casa.database import reading
from casa.monitoring.hours import EDGES
from casa.monitoring.live import SOLD, Live, add_up
from casa.monitoring.window import Counts
from casa.schema import ERRORS, HOURS, REPLICAS

TRAFFIC = timedelta(hours=24)
"""How far back calls are looked at."""
MOST_REPLICAS = 1_000
"""The history of versions goes back so many starts."""
MILLISECONDS = 1000


class Summary:
    """Answers `GET /monitoring` from the database."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def read(self) -> dict[str, Any]:
        """Everything but what this process alone knows, as plain JSON values."""
        now = self._now()
        with reading(self._engine) as connection:
            hours = _since(connection, HOURS, now - TRAFFIC)
            sums = _since(connection, ERRORS, now - SOLD)
            starts = _starts(connection)
            predictions = connection.execute(select(func.sum(REPLICAS.c.predictions))).scalar()
        return {
            "predictions": int(predictions or 0),
            "requests_per_hour": _rate(hours, starts, now=now),
            "latency_ms": _latency(hours),
            "errors": dict(sum((Counter(row.errors) for row in hours), Counter())),
            "feedback": _feedback(add_up(sums)),
            "versions": _versions(starts),
        }


def _since(connection: Connection, table: Table, moment: datetime) -> Sequence[Row[Any]]:
    return connection.execute(select(table).where(table.c.hour > moment)).all()


def _starts(connection: Connection) -> list[Row[Any]]:
    """The newest starts of replicas, oldest first."""
    newest = select(REPLICAS.c.started, REPLICAS.c.model_version).order_by(REPLICAS.c.started.desc())
    return list(reversed(connection.execute(newest.limit(MOST_REPLICAS)).all()))


def _rate(hours: Sequence[Row[Any]], starts: Sequence[Row[Any]], *, now: datetime) -> float:
    """Requests an hour, over the time looked at or since the first start if that is shorter, but an hour at least."""
    began = max(now - TRAFFIC, starts[0].started if starts else now)
    requests: int = sum(row.requests for row in hours)
    return round(requests / max((now - began) / timedelta(hours=1), 1.0), 3)


def _latency(hours: Sequence[Row[Any]]) -> dict[str, float | None]:
    counts = np.sum([row.latency for row in hours] or [[0]], axis=0)
    requests = int(counts.sum())
    mean = sum(row.seconds for row in hours) / requests if requests else None
    figures = {"mean": mean, **{f"p{share}": _quantile(counts, share / 100) for share in (50, 95, 99)}}
    return {name: None if value is None else round(value * MILLISECONDS, 3) for name, value in figures.items()}


def _quantile(counts: Counts, share: float) -> float | None:
    """The latency that this share of calls did not pass, within its bucket as if they were spread evenly there."""
    below = np.cumsum(counts)
    if not below[-1]:
        return None
    edges = np.array([0.0, *EDGES, EDGES[-1]])
    place = int(np.searchsorted(below, share * below[-1]))
    within = (share * below[-1] - (below[place] - counts[place])) / counts[place]
    return float(edges[place] + within * (edges[place + 1] - edges[place]))


def _feedback(live: Live) -> dict[str, float | None]:
    return {"count": live.prices, "rmse": live.rmse, "bias": live.bias, "coverage": live.coverage}


def _versions(starts: Sequence[Row[Any]]) -> list[dict[str, str]]:
    """The models that were served one after the other, oldest first."""
    runs = (next(same) for _, same in groupby(starts, key=lambda start: start.model_version))
    return [{"version": start.model_version, "since": start.started.isoformat()} for start in runs]
