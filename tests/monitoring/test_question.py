"""Callers' questions to the database: in time, and without a word that is the operator's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event

import pytest

from casa.monitoring.question import AWAY, ask
from tests.servers import until
from tests.transports.conftest import serving

CROWD = 100
"""More than there are threads for."""


def test_a_database_that_hangs_keeps_no_caller() -> None:
    awake, begun = Event(), []

    def hang() -> None:
        begun.append(True)
        awake.wait()

    async def crowd() -> list[BaseException | None]:
        try:
            return await asyncio.gather(*(ask(hang, seconds=0.1) for _ in range(CROWD)), return_exceptions=True)
        finally:
            awake.set()

    assert [str(error) for error in asyncio.run(crowd())] == [AWAY] * CROWD
    assert len(begun) < CROWD, "who has given up is not asked for any more"


def test_an_answer_comes_back() -> None:
    assert asyncio.run(ask(lambda: 3)) == 3


def test_a_bug_is_no_outage() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(lambda: 1 // 0))


def test_callers_are_not_told_where_the_database_is(store_home: Path, tmp_path: Path) -> None:
    file, away = tmp_path / "casa.db", tmp_path / "away.db"
    with serving(store_home, database_url=f"sqlite:///{file}") as caller:
        file.rename(away)
        answers = [caller.get("/monitoring"), caller.post("/feedback", {"request_id": "a", "price": 20})]
        assert [(answer.status_code, answer.json()["detail"]) for answer in answers] == [(503, AWAY)] * 2
        away.rename(file)
        until(lambda: caller.get("/monitoring").status_code == 200)
