"""What `/monitoring` says, in SQLite and in PostgreSQL, over replicas and restarts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from casa.database import writing
from casa.monitoring.ledger import Batch
from casa.monitoring.priced import NOTHING
from casa.monitoring.reference import Reference
from casa.monitoring.summary import Summary
from casa.schema import ERRORS, REPLICAS
from tests.monitoring.diary import NOON, VERSION, Diary, call, calls, make_ledger

NOW = NOON + timedelta(minutes=30)


@pytest.fixture
def diary(engine: Engine, seen: Reference) -> Diary:
    return Diary(engine, seen)


def read(engine: Engine, *, now: datetime = NOW) -> dict[str, Any]:
    return Summary(engine, now=lambda: now).read()


def start(engine: Engine, *versions: str) -> None:
    """Replicas that began an hour after each other."""
    with writing(engine) as connection:
        for place, version in enumerate(versions):
            moment = NOON + timedelta(hours=place)
            counted = {"batch": 1, "predictions": 10, "requests": 1, "started": moment, "seen": moment}
            connection.execute(insert(REPLICAS).values(id=str(place), model_version=version, **counted))


def sell(engine: Engine, *, prices: int) -> None:
    """Feedback of as many houses, each two too low, half of them outside their interval."""
    sums = {"prices": prices, "covered": prices / 2, "error": -2.0 * prices, "squared_error": 4.0 * prices}
    with writing(engine) as connection:
        connection.execute(insert(ERRORS).values(hour=NOON, model_version=VERSION, **sums))


def test_calls_and_their_failures_are_counted(diary: Diary, engine: Engine) -> None:
    diary.note([*calls(3), *[call(status="422", priced=NOTHING)] * 2, call(status="OK", route="/casa.v1.Casa/Predict")])
    found = read(engine)
    assert (found["predictions"], found["requests_per_hour"], found["errors"]) == (4, 6.0, {"422": 2})


def test_a_restart_counts_on(diary: Diary, engine: Engine, seen: Reference) -> None:
    diary.note(calls(3))
    again = make_ledger(engine, seen, replica="two")
    again.write(Batch(1, calls(2), {}, {"predictions": 2, "requests": 2}), now=NOW)
    assert read(engine)["predictions"] == 5


def test_latencies_are_those_of_the_calls_within_their_buckets(diary: Diary, engine: Engine) -> None:
    diary.note([call(seconds=seconds) for seconds in [0.001] * 90 + [0.1] * 10])
    latency = read(engine)["latency_ms"]
    assert latency["mean"] == pytest.approx(10.9)
    assert (latency["p50"], latency["p95"], latency["p99"]) == pytest.approx((1, 100, 100), rel=0.26)


def test_without_calls_there_is_nothing_to_tell(engine: Engine) -> None:
    found = read(engine)
    assert (found["predictions"], found["requests_per_hour"], found["versions"]) == (0, 0.0, [])
    assert set(found["latency_ms"].values()) == {None}


def test_yesterdays_calls_are_no_traffic(diary: Diary, engine: Engine) -> None:
    diary.note(calls(3))
    found = read(engine, now=NOON + timedelta(hours=25))
    assert (found["predictions"], found["requests_per_hour"], found["latency_ms"]["p50"]) == (3, 0.0, None)


def test_the_live_error_waits_for_thirty_prices(engine: Engine) -> None:
    sell(engine, prices=29)
    assert read(engine)["feedback"] == {"count": 29, "rmse": None, "bias": None, "coverage": None}


def test_the_live_error_tells_size_side_and_coverage(engine: Engine) -> None:
    sell(engine, prices=30)
    assert read(engine)["feedback"] == {"count": 30, "rmse": 2.0, "bias": -2.0, "coverage": 0.5}


def test_feedback_of_long_ago_is_not_live(engine: Engine) -> None:
    sell(engine, prices=30)
    assert read(engine, now=NOON + timedelta(days=31))["feedback"]["count"] == 0


def test_versions_are_told_in_their_order_and_again_after_a_roll_back(engine: Engine) -> None:
    start(engine, "a", "a", "b", "a")
    told = [(one["version"], one["since"]) for one in read(engine)["versions"]]
    hours = [(NOON + timedelta(hours=hour)).isoformat() for hour in (0, 2, 3)]
    assert told == list(zip("aba", hours, strict=True))
