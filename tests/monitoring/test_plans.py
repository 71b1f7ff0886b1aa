"""What the pages ask for is found without a look at every prediction: SQLite's query plans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from benchmarks.pages import HOUSES, REPLICAS, asking, database, fill, plans
from casa.model.bundle import Bundle
from casa.monitoring.feedback import Feedback
from casa.monitoring.reference import Reference
from casa.sale import Sale
from casa.schema import ERRORS, HOURS, PREDICTIONS, WINDOWS
from tests.monitoring.diary import NOON, Diary

CALLS = 20
SALE = Sale(request_id="a", row=0, price=25.0)


@pytest.fixture(scope="module")
def engine(saved: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A journal as the benchmark fills it, only shorter."""
    with database(tmp_path_factory.mktemp("journal")) as engine:
        fill(engine, saved, rows=REPLICAS * CALLS * HOUSES, now=NOON)
        yield engine


def test_the_figures_are_read_from_roll_ups(engine: Engine, saved: Bundle) -> None:
    found = plans(engine, asking(engine, saved.version))
    searched = [f"SEARCH {table} USING INDEX" for table in ("hours", "errors", "windows")]
    assert all(any(plan.startswith(words) for plan in found) for words in searched)
    assert not any("predictions" in plan for plan in found)


def test_feedback_finds_its_prediction_by_an_index(engine: Engine, seen: Reference) -> None:
    feedback = Feedback(engine, Diary(engine, seen).journal, now=lambda: NOON)
    found = plans(engine, lambda: feedback.write(SALE, "acme"))
    assert any("predictions USING INDEX predictions_by_request (request_id=? AND row=?)" in plan for plan in found)
    assert not any(plan.startswith("SCAN") for plan in found)


def test_the_benchmark_leaves_behind_what_a_service_does(engine: Engine, seen: Reference) -> None:
    rows = [len(Diary(engine, seen).rows(table)) for table in (PREDICTIONS, HOURS, WINDOWS)]
    assert rows == [REPLICAS * CALLS * HOUSES, *[REPLICAS * CALLS] * 2]
    assert sum(row.prices for row in Diary(engine, seen).rows(ERRORS)) == 999
