"""What one process and all replicas know of drift, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from casa.model.ensemble import Prices
from casa.monitoring.answers import Answered
from casa.monitoring.outlook import KEPT, SETTLING, Outlook
from casa.monitoring.priced import NOTHING, Priced
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outlook(seen: Reference, clock: Clock) -> Outlook:
    return Outlook(seen, now=clock)


@pytest.fixture(scope="module")
def usual_calls(table: Rows, told: Prices) -> list[Priced]:
    """The bundled houses, some in a batch and the others one by one."""
    singles = zip(table.houses[300:].tolist(), *(column[300:].tolist() for column in told), strict=True)
    batch = Priced.many(table.houses[:300], Prices(*(column[:300] for column in told)))
    return [Priced.one(*single) for single in singles] + [batch]


def answered(priced: Priced, *, at: datetime = NOON) -> Answered:
    return Answered(at.timestamp(), "/predict", "200", 0.001, (0.0, 0.0, 0.0), "id", "acme", 0, priced)


def same(one: Window, other: Window) -> bool:
    return np.array_equal(one.counts, other.counts) and bool(np.allclose(one.sums, other.sums))


def hear(outlook: Outlook, clock: Clock, windows: Sequence[Window]) -> None:
    """Let others have stored a window for each of the next hours, and learn of them when they are over."""
    outlook.learn({NOON + place * HOUR: window for place, window in enumerate(windows)})
    clock.now = NOON + len(windows) * HOUR + SETTLING
    outlook.learn({NOON + place * HOUR: window for place, window in enumerate(windows)})


def test_single_houses_and_batches_are_counted_alike(
    outlook: Outlook, usual_calls: list[Priced], usual: Window
) -> None:
    outlook.watch([answered(priced) for priced in usual_calls], lost=0)
    assert same(outlook.window, usual)


def test_a_call_without_a_price_counts_for_nothing(outlook: Outlook) -> None:
    outlook.watch([answered(NOTHING)], lost=3)
    outlook.watch([], lost=1)
    assert not outlook.own


def test_houses_count_for_the_hour_of_their_answer(outlook: Outlook, usual_calls: list[Priced]) -> None:
    for minutes in (0, 59, 60):
        outlook.watch([answered(usual_calls[0], at=NOON + timedelta(minutes=minutes))], lost=0)
    assert {hour: window.rows for hour, window in outlook.own.items()} == {NOON: 2, NOON + HOUR: 1}


@pytest.mark.parametrize(("rows", "shown"), [([506, 506, 506], 1012), ([506, 506, 10], 516), ([506, 100, 50, 10], 666)])
def test_figures_are_of_an_hour_and_of_200_houses_at_least(
    outlook: Outlook, clock: Clock, seen: Reference, table: Rows, told: Prices, rows: list[int], shown: int
) -> None:
    windows = [seen.count(table.houses[:count], Prices(*(column[:count] for column in told))) for count in rows]
    outlook.learn({NOON + place * HOUR: window for place, window in enumerate(windows)})
    clock.now = NOON + len(rows) * HOUR - timedelta(seconds=1)
    assert outlook.window.rows == shown


def test_replicas_add_up(outlook: Outlook, usual_calls: list[Priced], usual: Window) -> None:
    outlook.watch([answered(priced) for priced in usual_calls], lost=0)
    outlook.learn({NOON: usual})
    assert same(outlook.window, usual + usual)


def test_an_alarm_rings_when_its_hours_are_over(outlook: Outlook, clock: Clock, moved: Window) -> None:
    hours = {NOON: moved, NOON + HOUR: moved}
    clock.now = NOON + 2 * HOUR + SETTLING - timedelta(seconds=1)
    outlook.learn(hours)
    assert outlook.alarm.since is None, "a replica may not have stored its part yet"
    clock.now += timedelta(seconds=1)
    outlook.learn(hours)
    assert outlook.alarm.since == NOON


def test_a_new_start_knows_what_was_known(outlook: Outlook, clock: Clock, seen: Reference, moved: Window) -> None:
    hear(outlook, clock, [moved, moved])
    new = Outlook(seen, now=clock)
    new.learn({NOON: moved, NOON + HOUR: moved})
    assert new.report() == outlook.report()
    assert new.report()["since"] == "2026-05-01T12:00:00+00:00"


def test_an_hour_that_was_stored_late_is_heard(outlook: Outlook, clock: Clock, usual: Window, moved: Window) -> None:
    hear(outlook, clock, [moved, usual, moved])
    assert outlook.alarm.since is None
    hear(outlook, clock, [moved, usual + moved + moved + moved, moved])
    assert outlook.alarm.since == NOON


def test_its_own_hours_ring_without_a_database(outlook: Outlook, clock: Clock, table: Rows, told: Prices) -> None:
    houses = table.houses + np.eye(13)[5]  # a bedroom more in each
    for hours in (0, 1):
        outlook.watch([answered(Priced.many(houses, told), at=NOON + hours * HOUR)], lost=0)
    clock.now += 3 * HOUR
    outlook.learn({})
    assert outlook.alarm.since == NOON


def test_old_hours_are_forgotten(outlook: Outlook, clock: Clock, usual_calls: list[Priced]) -> None:
    outlook.watch([answered(usual_calls[0])], lost=0)
    clock.now += KEPT + HOUR
    outlook.learn({})
    assert not outlook.own
