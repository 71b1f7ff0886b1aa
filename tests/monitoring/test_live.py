"""The live error as Prometheus reads it, in SQLite and in PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, insert

from casa.database import writing
from casa.errors import DatabaseUnavailable
from casa.monitoring.live import LiveError
from casa.schema import ERRORS
from tests.monitoring.diary import NOON, VERSION


def sell(engine: Engine, *, prices: int, version: str = VERSION, hour: datetime = NOON) -> None:
    """Feedback of as many houses, each two too low, half of them outside their interval."""
    sums = {"prices": prices, "covered": prices / 2, "error": -2.0 * prices, "squared_error": 4.0 * prices}
    with writing(engine) as connection:
        connection.execute(insert(ERRORS).values(hour=hour, model_version=version, **sums))


def read(live: LiveError) -> dict[str, float | None]:
    registry = CollectorRegistry()
    registry.register(live)
    return {name: registry.get_sample_value(f"casa_live_{name}") for name in ("prices", "rmse", "bias", "coverage")}


@pytest.fixture
def live(engine: Engine) -> LiveError:
    return LiveError(engine, version=VERSION, now=lambda: NOON)


def test_it_adds_up_over_hours(engine: Engine, live: LiveError) -> None:
    for hours in range(2):
        sell(engine, prices=20, hour=NOON - timedelta(hours=hours))
    live.look()
    assert read(live) == {"prices": 40, "rmse": 2.0, "bias": -2.0, "coverage": 0.5}


def test_few_prices_tell_no_error(engine: Engine, live: LiveError) -> None:
    sell(engine, prices=29)
    live.look()
    assert read(live) == {"prices": 29, "rmse": None, "bias": None, "coverage": None}


def test_another_models_errors_and_those_of_long_ago_are_not_this_ones(engine: Engine, live: LiveError) -> None:
    sell(engine, prices=30, version="another")
    sell(engine, prices=30, hour=NOON - timedelta(days=31))
    live.look()
    assert read(live)["prices"] == 0


def test_what_was_known_stays_while_the_database_is_away(engine: Engine, live: LiveError) -> None:
    sell(engine, prices=30)
    live.look()
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE errors RENAME TO away")
    with pytest.raises(DatabaseUnavailable):
        live.look()
    assert read(live)["rmse"] == 2.0
