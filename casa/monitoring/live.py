"""The live error: how far prices lay from what the houses sold for, of the sums that feedback leaves behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, Row, select

from casa.database import reading
from casa.monitoring.gauges import gauge
from casa.schema import ERRORS

SOLD = timedelta(days=30)
"""How far back feedback is looked at: prices come in much later than predictions."""
MIN_PRICES = 30
"""With fewer, an error says more of those few houses than of the model."""


class Live(NamedTuple):
    """What feedback adds up to; None while there is too little of it."""

    prices: int
    rmse: float | None
    bias: float | None
    """The mean of prediction less price."""
    coverage: float | None
    """The share of prices within their interval."""


class LiveError(Collector):
    """One model version's live error over all replicas, as Prometheus reads it; `look` learns it anew."""

    def __init__(
        self, engine: Engine, *, version: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._version = version
        self._now = now
        self._live = Live(0, None, None, None)

    def look(self) -> None:
        """Read the sums; DatabaseUnavailable leaves what was known."""
        own = (ERRORS.c.hour > self._now() - SOLD) & (ERRORS.c.model_version == self._version)
        with reading(self._engine) as connection:
            self._live = add_up(connection.execute(select(ERRORS).where(own)).all())

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What Prometheus reads: it asks often, and never waits for the database."""
        prices, rmse, bias, coverage = self._live
        yield gauge("casa_live_prices", "Houses of which it is known what they sold for.", prices)
        yield gauge("casa_live_rmse", "RMSE by what houses sold for, in thousands of dollars.", rmse)
        yield gauge("casa_live_bias", "Mean of prediction less price, in thousands of dollars.", bias)
        yield gauge("casa_live_coverage", "Share of prices within their interval.", coverage)


def add_up(sums: Sequence[Row[Any]]) -> Live:
    """The live error of rows of the table `errors`."""
    prices = sum(row.prices for row in sums)
    if prices < MIN_PRICES:
        return Live(prices, None, None, None)
    squared = max(sum(row.squared_error for row in sums), 0.0)  # replaced prices were taken away again: not quite 0
    error, covered = sum(row.error for row in sums), sum(row.covered for row in sums)
    return Live(prices, math.sqrt(squared / prices), error / prices, covered / prices)
