"""Calls by the hour, taken down by the journal."""

from datetime import timedelta

from casa.monitoring.hours import Hours
from tests.monitoring.diary import NOON, call


def filled(*, hours: int) -> Hours:
    """A call in each of so many hours."""
    counted = Hours()
    counted.add([call(at=(NOON + timedelta(hours=hour)).timestamp()) for hour in range(hours)])
    return counted


def test_an_hour_is_taken_down_whole_each_time_it_changes() -> None:
    hours = filled(hours=1)
    assert hours.take_down()[NOON]["requests"] == 1
    assert hours.take_down() == {}
    hours.add([call()])
    assert hours.take_down()[NOON]["requests"] == 2


def test_what_could_not_be_written_is_taken_down_again() -> None:
    hours = filled(hours=1)
    hours.take_down()
    hours.settle(written=False)
    assert list(hours.take_down()) == [NOON]


def test_hours_that_are_over_are_forgotten_once_they_are_written() -> None:
    hours = filled(hours=4)
    hours.settle(written=False)
    assert len(hours.take_down()) == 4
    hours.settle(written=True)
    hours.add([call(at=(NOON + timedelta(hours=3)).timestamp())])
    assert list(hours.take_down()) == [NOON + timedelta(hours=2), NOON + timedelta(hours=3)]


def test_totals_count_what_is_forgotten() -> None:
    hours = filled(hours=4)
    hours.settle(written=True)
    assert (hours.predictions, hours.requests) == (4, 4)
