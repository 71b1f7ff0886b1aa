"""`GET /monitoring`: whose it is, and that it adds up."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from casa.monitoring.live import MIN_PRICES
from casa.transports.schema import Monitoring
from tests.servers import until
from tests.transports.caller import EXAMPLE, Caller
from tests.transports.conftest import serving


def told(caller: Caller) -> Monitoring:
    return Monitoring.model_validate(caller.get("/monitoring").json(), strict=True)


def test_calls_add_up(hot: Caller) -> None:
    before = told(hot)
    request_id = hot.predict().json()["request_id"]
    hot.predict(RM=0)
    hot.post("/feedback", {"request_id": request_id, "price": 25})
    until(lambda: told(hot).errors.get("422", 0) > before.errors.get("422", 0))
    after = told(hot)
    assert (after.predictions > before.predictions, after.feedback.count - before.feedback.count) == (True, 1)
    assert after.versions[-1].version == hot.app.serving.bundle.version


def test_they_add_up_over_restarts(store_home: Path, tmp_path: Path) -> None:
    shared = {"database_url": f"sqlite:///{tmp_path}/casa.db"}
    for _ in range(2):
        with serving(store_home, **shared) as caller:
            caller.predict()
    with serving(store_home, **shared) as caller:
        assert told(caller).predictions == 2


def test_prometheus_reads_the_live_error_of_all_restarts(store_home: Path, tmp_path: Path) -> None:
    shared = {"database_url": f"sqlite:///{tmp_path}/casa.db"}
    with serving(store_home, **shared) as caller:
        request_id = caller.batch(*[EXAMPLE] * MIN_PRICES).json()["request_id"]
        for row in range(MIN_PRICES):
            caller.post("/feedback", {"request_id": request_id, "row": row, "price": 25})
    with serving(store_home, **shared) as caller:
        until(lambda: "\ncasa_live_rmse " in caller.get("/metrics").text)
        (read,) = re.findall(r"^casa_live_rmse (.*)$", caller.get("/metrics").text, flags=re.MULTILINE)
        assert float(read) == pytest.approx(told(caller).feedback.rmse)


def test_a_process_has_one_name_in_all_tables(store_home: Path, tmp_path: Path) -> None:
    with serving(store_home, database_url=f"sqlite:///{tmp_path}/casa.db") as caller:
        caller.predict()
    with closing(sqlite3.connect(tmp_path / "casa.db")) as database:
        tables = {"replicas": "id", "hours": "replica", "windows": "replica"}
        names = [database.execute(f"SELECT {name} FROM {table}").fetchall() for table, name in tables.items()]
    assert [len(each) for each in names] == [1] * 3
    assert names[0] == names[1] == names[2]


def test_it_needs_a_key(hot: Caller) -> None:
    assert hot.get("/monitoring", headers={"x-api-key": "nobody"}).status_code == 401
