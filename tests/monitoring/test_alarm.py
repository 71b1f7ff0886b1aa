from datetime import UTC, datetime, timedelta

import pytest

from casa.monitoring.alarm import Alarm
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hear(seen: Reference, windows: list[Window], *, every: timedelta = HOUR) -> Alarm:
    """An alarm that got a window each time."""
    alarm = Alarm(seen, now=NOON)
    for place, window in enumerate(windows, start=1):
        alarm.add(window, now=NOON + place * every)
    return alarm


@pytest.fixture(scope="module")
def few(seen: Reference, moved: Window) -> Window:
    """Less than half of the least rows, all of them moved."""
    return Window(moved.counts // 6, moved.sums / 6, moved.outside // 6, 0.0)


def test_one_window_is_no_alarm(seen: Reference, usual: Window, moved: Window) -> None:
    for windows in ([moved], [moved, usual, moved], [usual, usual]):
        assert not hear(seen, windows).alerts.any()
        assert hear(seen, windows).since is None


def test_two_windows_in_a_row_are(seen: Reference, usual: Window, moved: Window) -> None:
    alarm = hear(seen, [usual, moved, moved])
    assert alarm.alerts.tolist() == [name == "RM" for name in seen.names]
    assert alarm.since == NOON + HOUR


def test_an_alarm_keeps_its_beginning_while_it_lasts(seen: Reference, moved: Window) -> None:
    assert hear(seen, [moved] * 5).since == NOON


def test_an_alarm_ends_with_the_first_window_without_an_effect(seen: Reference, usual: Window, moved: Window) -> None:
    assert hear(seen, [moved, moved, usual]).since is None
    assert hear(seen, [moved, moved, usual, moved, moved]).since == NOON + 3 * HOUR


def test_a_window_lasts_an_hour_however_many_rows_there_are(seen: Reference, moved: Window) -> None:
    assert not hear(seen, [moved] * 11, every=HOUR / 6).alerts.any()
    assert hear(seen, [moved] * 12, every=HOUR / 6).alerts.any()


def test_a_window_has_its_rows_however_long_it_takes(seen: Reference, few: Window) -> None:
    assert 67 <= few.rows < 100
    assert not hear(seen, [few] * 5).alerts.any()
    assert hear(seen, [few] * 6).alerts.any()


def test_an_alarm_stays_while_nobody_asks(seen: Reference, moved: Window) -> None:
    assert hear(seen, [moved, moved, *[seen.nothing] * 9]).since == NOON
