"""Drift's alarm on simulated traffic: silent where nothing moved, soon where something did."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.random import default_rng

from benchmarks.drift import DAILY, WEEK, Traffic, delays, learn, most_alarms, rings, samples, shift, window_size
from casa.house import HOUSE, Array
from casa.monitoring.alarm import Alarm
from casa.monitoring.drift import Flags, measure
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows

WINDOWS = 2_000
BLIND = {("ZN", -0.5), ("CHAS", 0.5)}
"""Most of ZN is 0 already, and one house in five by the river is not yet a PSI of 0.2."""


@pytest.fixture(scope="module")
def houses(table: Rows) -> Array:
    return np.column_stack(table)


@pytest.fixture(scope="module", params=["the pipeline's side of the table", "rows drawn anew"])
def seen(request: pytest.FixtureRequest, houses: Array) -> Reference:
    """References of training rows; the traffic is of the whole table."""
    of_the_table, anew = samples(houses, count=2)
    return learn(anew if request.param == "rows drawn anew" else of_the_table)


@pytest.mark.parametrize("daily", DAILY)
def test_undrifted_traffic_rings_less_than_once_in_a_hundred_weeks(seen: Reference, houses: Array, daily: int) -> None:
    rows, hours = window_size(daily)
    windows = Traffic(seen, houses).draw(WINDOWS, rows=rows, random=default_rng(daily))
    assert most_alarms(measure(seen, windows).effects, hours=hours) < 0.01


@pytest.mark.parametrize("by", [0.5, -0.5])
@pytest.mark.parametrize("name", HOUSE.columns)
def test_a_shift_of_half_a_deviation_is_seen_within_500_rows(houses: Array, name: str, by: float) -> None:
    place = HOUSE.columns.index(name)
    seen = learn(next(samples(houses, count=1)))
    moved = shift(houses, place, by=by)
    _, share = delays(seen, houses, moved, place=place, streams=200, seed=0)
    assert (share < 0.9) if (name, by) in BLIND else (share > 0.9)


def hear(seen: Reference, stack: Window) -> Flags:
    """The alarm's alerts (windows, columns) after each of the stacked windows, one an hour."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    alarm, alerts = Alarm(seen, now=begin), []
    for hours, arrays in enumerate(zip(stack.counts, stack.sums, stack.outside, strict=True), start=1):
        alarm.add(Window(*arrays, 0.0), now=begin + timedelta(hours=hours))
        alerts.append(alarm.alerts)
    return np.array(alerts)


def test_the_alarm_rings_when_the_simulation_says(seen: Reference, houses: Array) -> None:
    # A shift that is an effect in about half of the windows: many beginnings and ends.
    moved = Traffic(seen, shift(houses, HOUSE.names.index("RM"), by=0.36))
    stack = moved.draw(300, rows=200, random=default_rng(0))
    alerts = hear(seen, stack)
    begins = alerts[1:] & ~alerts[:-1]
    np.testing.assert_array_equal(begins, rings(measure(seen, stack).effects))
    assert begins.sum() > 5


def test_the_alarm_is_silent_for_a_year_at_its_worst_traffic(seen: Reference, houses: Array) -> None:
    stack = Traffic(seen, houses).draw(52 * WEEK, rows=200, random=default_rng(1))
    assert not hear(seen, stack).any()
