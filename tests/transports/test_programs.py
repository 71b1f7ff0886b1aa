"""Pages as programs get them: JSON for whoever asks for it, by a key with the right scope."""

from __future__ import annotations

import pytest

from casa.house import HOUSE
from casa.transports.schema import Dashboard, TableFacts
from tests.transports.caller import Caller

JSON = {"accept": "application/json"}


def test_the_dashboards_figures_are_those_of_its_two_routes(hot: Caller) -> None:
    hot.predict()
    told = Dashboard.model_validate(hot.get("/dashboard", headers=JSON).json(), strict=True)
    assert told.drift.model_dump() == hot.get("/drift").json()
    assert told.monitoring.uptime_seconds > 0


def test_the_table_is_told_column_by_column(hot: Caller) -> None:
    told = TableFacts.model_validate(hot.get("/data", headers=JSON).json(), strict=True)
    assert tuple(told.features) == HOUSE.names
    assert {sum(column.counts) for column in (*told.features.values(), told.prices)} == {told.rows}


@pytest.mark.parametrize("path", ["/dashboard", "/data"])
def test_what_is_told_to_programs_needs_a_key(hot: Caller, path: str) -> None:
    assert hot.get(path, headers={**JSON, "x-api-key": "nobody"}).status_code == 401


@pytest.mark.parametrize("path", ["/dashboard", "/data"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,application/json;q=0.9", ""])
def test_everybody_else_gets_the_page(hot: Caller, path: str, accept: str) -> None:
    answer = hot.get(path, headers={"accept": accept, "x-api-key": "nobody"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
