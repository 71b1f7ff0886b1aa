"""Feedback, in SQLite and in PostgreSQL: it finds its prediction, and is counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from casa.errors import NotFound, Unavailable
from casa.monitoring import feedback as module
from casa.monitoring.feedback import Feedback
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.monitoring.removal import erase
from casa.sale import Sale
from casa.schema import ERRORS, FEEDBACK, FEEDBACK_HISTORY
from tests.monitoring.diary import EXAMPLE, NOON, Diary, call


@pytest.fixture
def diary(engine: Engine, seen: Reference) -> Diary:
    return Diary(engine, seen)


@pytest.fixture
def feedback(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> Feedback:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    return Feedback(diary.engine, diary.journal, now=lambda: NOON + timedelta(minutes=5))


@pytest.fixture
def running(diary: Diary) -> Iterator[Diary]:
    """A journal that writes by itself."""
    diary.journal.start()
    yield diary
    diary.journal.stop()


def sale(price: float = 25.0, *, request_id: str = "id", row: int = 0) -> Sale:
    return Sale(request_id=request_id, row=row, price=price)


def give(feedback: Feedback, given: Sale, *, client: str = "acme") -> bool:
    return asyncio.run(feedback.give(given, client))


def sums(diary: Diary) -> list[tuple[float, ...]]:
    return [(row.prices, row.covered, row.error, row.squared_error) for row in diary.rows(ERRORS)]


def test_a_price_is_kept_with_what_was_said(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    assert give(feedback, sale()) is False
    (row,) = diary.rows(FEEDBACK)
    assert (row.price, row.predicted, row.low, row.high) == (25.0, 24.0, 20.0, 28.0)
    assert (row.house, sums(diary)) == (diary.rows()[0].house, [(1, 1, -1.0, 1.0)])


def test_a_second_price_replaces_the_first(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    assert [give(feedback, sale(price)) for price in (25.0, 40.0, 26.0)] == [False, True, True]
    assert [row.price for row in diary.rows(FEEDBACK)] == [26.0]
    assert [row.price for row in diary.rows(FEEDBACK_HISTORY)] == [25.0, 40.0]
    assert sums(diary) == [(1, 1, -2.0, 4.0)]


def test_prices_at_once_are_counted_once(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    with ThreadPoolExecutor(8) as pool:
        replaced = list(pool.map(lambda price: feedback.write(sale(price), "acme"), [25.0] * 8))
    assert (sorted(map(bool, replaced)), sums(diary)) == ([False] + [True] * 7, [(1, 1, -1.0, 1.0)])


@pytest.mark.parametrize("unknown", [sale(request_id="other"), sale(row=1)])
def test_what_was_never_told_is_not_found(diary: Diary, feedback: Feedback, unknown: Sale) -> None:
    diary.note([call()])
    with pytest.raises(NotFound, match="no price is known by this request id and row"):
        give(feedback, unknown)


def test_another_clients_price_is_not_found(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    with pytest.raises(NotFound):
        give(feedback, sale(), client="other")


def test_of_an_id_that_was_used_twice_the_newest_price_counts(diary: Diary, feedback: Feedback) -> None:
    cheap = Priced.one(EXAMPLE, 10.0, 9.0, 11.0)
    diary.note([call(), call(priced=cheap, at=NOON.timestamp() + 1), call(client="other")])
    give(feedback, sale())
    assert [row.predicted for row in diary.rows(FEEDBACK)] == [10.0]


def test_a_price_that_is_still_on_its_way_is_found(
    running: Diary, feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)
    running.journal.watch([call()], lost=0)
    assert give(feedback, sale()) is False


def test_while_the_journal_is_behind_nothing_is_unknown(diary: Diary, feedback: Feedback) -> None:
    diary.journal.watch([call()], lost=0)
    with pytest.raises(Unavailable, match="the journal is behind"):
        give(feedback, sale())


def test_feedback_can_be_corrected_when_its_prediction_is_gone(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    give(feedback, sale())
    diary.journal._ledger.remove(before=NOON + timedelta(days=1))
    assert give(feedback, sale(27.0)) is True
    assert sums(diary) == [(1, 1, -3.0, 9.0)]


def test_an_erased_client_is_unknown(diary: Diary, feedback: Feedback) -> None:
    diary.note([call()])
    give(feedback, sale())
    erase(diary.engine, "acme", actor="me", now=NOON, watch=lambda _: None)
    with pytest.raises(NotFound):
        give(feedback, sale())
