import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from prometheus_client import generate_latest

from casa.house import HOUSE
from casa.model.ensemble import Prices
from casa.monitoring.answers import Answered, Answers
from casa.monitoring.histogram import Histogram
from casa.monitoring.metrics import Metrics
from casa.monitoring.priced import NOTHING, Priced
from casa.monitoring.rounds import Rounds

EXAMPLE = tuple(feature.example for feature in HOUSE.features)
ONE = Priced.one(EXAMPLE, 24.0, 20.0, 28.0)


def answered(*, status: str = "200", priced: Priced = ONE, route: str = "/predict") -> Answered:
    return Answered(1.8e9, route, status, 0.004, (0.001, 0.0, 0.002), "id", "acme", 0, priced)


class Notes:
    """A watcher that keeps what it was told."""

    def __init__(self) -> None:
        self.statuses: list[str] = []

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:
        self.statuses += [one.status for one in answered]


class Broken:
    """A watcher with a bug."""

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:
        raise ZeroDivisionError


class Timers:
    """An event loop's timers, whose time passes when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, _: float, do: Callable[[], None]) -> None:
        self.waiting.append(do)

    def pass_by(self) -> int:
        """Call what waited; how much that was."""
        due, self.waiting = self.waiting, []
        for do in due:
            do()
        return len(due)


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_finished_calls_are_taken_once_and_in_order() -> None:
    answers = Answers()
    for status in ("200", "422"):
        answers.put(answered(status=status))
    assert [one.status for one in answers.take()[0]] == ["200", "422"]
    assert answers.take() == ([], 0)


def test_who_watches_is_woken_once_for_all_that_waits() -> None:
    answers, woken = Answers(), []
    answers.awake = lambda: woken.append(1)
    for _ in range(2):
        for _ in range(3):
            answers.put(answered())
        answers.take()
    assert len(woken) == 2


def test_each_who_watches_has_a_turn_of_its_own_and_sees_every_call_once() -> None:
    answers, first, second = Answers(), Notes(), Notes()
    answers.put(answered(status="200"))
    answers.pass_some([first, second])
    answers.put(answered(status="422"))  # while the second has not seen the first call
    assert (first.statuses, second.statuses, answers.waits) == (["200"], [], True)
    answers.pass_on([first, second])
    assert first.statuses == second.statuses == ["200", "422"]
    assert not answers.waits


def test_rounds_go_on_by_a_timer_until_every_watcher_has_seen_every_call() -> None:
    answers, watchers, timers = Answers(), [Notes(), Notes()], Timers()
    Rounds(answers, watchers, later=timers.call_later)
    answers.put(answered(status="200"))
    timers.pass_by()
    answers.put(answered(status="422"))
    assert len(timers.waiting) == 1, "one timer, whatever comes in meanwhile"
    turns = sum(timers.pass_by() for _ in range(4))
    assert [one.statuses for one in watchers] == [["200", "422"]] * 2
    assert (turns, timers.waiting) == (3, []), "no timer where nothing waits"


def test_a_watcher_that_fails_keeps_no_call_from_the_others() -> None:
    answers, notes, timers = Answers(), Notes(), Timers()
    Rounds(answers, [Broken(), notes], later=timers.call_later)
    answers.put(answered())
    with pytest.raises(ZeroDivisionError):
        timers.pass_by()
    timers.pass_by()
    assert notes.statuses == ["200"]


def test_calls_that_find_no_room_are_counted() -> None:
    answers = Answers(most_rows=3)
    batch = answered(priced=Priced.many(np.zeros((2, len(EXAMPLE))), Prices(*np.zeros((3, 2)))))
    for one in (batch, batch, answered(priced=NOTHING), answered()):
        answers.put(one)
    assert answers.take() == ([batch, answered(priced=NOTHING)], 2)
    answers.put(batch)
    assert answers.take() == ([batch], 0), "there is room again"


def test_a_huge_call_finds_room_where_nothing_waits() -> None:
    answers = Answers(most_rows=1)
    batch = answered(priced=Priced.many(np.zeros((2, len(EXAMPLE))), Prices(*np.zeros((3, 2)))))
    answers.put(batch)
    assert answers.take() == ([batch], 0)


def test_metrics_count_calls_rows_stages_and_losses() -> None:
    metrics = Metrics()
    metrics.watch([answered(), answered(), answered(status="422", priced=NOTHING)], lost=7)
    shown = text(metrics)
    assert 'casa_requests_total{route="/predict",status="200"} 2.0' in shown
    assert "casa_rows_total 2.0" in shown
    assert "casa_answers_lost_total 7.0" in shown
    assert 'casa_latency_seconds_count{stage="rest"} 3.0' in shown
    assert "casa_batch_rows_sum 2.0" in shown


def test_the_stages_of_a_call_add_up_to_its_time() -> None:
    metrics = Metrics()
    metrics.watch([answered()], lost=0)
    sums = [
        float(line.split()[1]) for line in text(metrics).splitlines() if line.startswith("casa_latency_seconds_sum")
    ]
    assert len(sums) == 4
    assert math.isclose(sum(sums), 0.004)


def test_a_histogram_counts_an_edge_below_it() -> None:
    histogram = Histogram("rows", "Rows.", buckets=(1, 10))
    histogram.add({"": np.array([1.0, 2.0, 10.0, 11.0])})
    (family,) = histogram.collect()
    assert [sample.value for sample in family.samples] == [1, 3, 4, 4, 24]
