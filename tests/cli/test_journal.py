"""`casa journal`, as a shell sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as arrow_parquet
import pytest
from sqlalchemy import Engine, insert

from casa.database import open_database, writing
from casa.migration import migrate
from casa.model.bundle import REFERENCE, Bundle
from casa.monitoring import export
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.schema import FEEDBACK
from casa.settings import Settings
from tests.cli.shell import casa
from tests.monitoring.diary import EXAMPLE, NOON, VERSION, Diary, call, calls

UNUSUAL = Priced.one((99.0, math.nan, *EXAMPLE[2:]), 24.0, 20.0, 28.0)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    engine = open_database(Settings())
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def diary(engine: Engine, saved: Bundle, monkeypatch: pytest.MonkeyPatch) -> Diary:
    monkeypatch.setattr(export, "STEP_ROWS", 2)
    return Diary(engine, Reference.from_dict(saved.document(REFERENCE)))


def sell(engine: Engine, request_id: str, *, price: float) -> None:
    told = {
        "house": np.array(EXAMPLE).tobytes(),
        "predicted": 24.0,
        "low": 20.0,
        "high": 28.0,
        "model_version": VERSION,
    }
    row = {"request_id": request_id, "row": 0, "client": "acme", "at": NOON, "price": price, **told}
    with writing(engine) as connection:
        connection.execute(insert(FEEDBACK).values(row))


def test_an_export_holds_every_prediction_and_what_is_known_of_it(diary: Diary, engine: Engine) -> None:
    diary.note([*calls(4), call("odd", priced=UNUSUAL)])
    sell(engine, "id1", price=25.5)
    assert casa("journal", "export", "out.parquet").stdout == "5 predictions\n"
    rows = arrow_parquet.read_table("out.parquet").to_pylist()
    assert [(row["request_id"], row["MEDV"]) for row in rows[:2]] == [("id0", None), ("id1", 25.5)]
    assert (rows[0]["at"], rows[0]["price"], rows[0]["TAX"], rows[0]["unusual"]) == (NOON, 24.0, 296.0, [])
    assert (rows[4]["ZN"], rows[4]["unusual"]) == (None, ["CRIM"])


def test_a_price_stands_beside_its_own_house_alone_where_an_id_is_used_twice(diary: Diary, engine: Engine) -> None:
    diary.note([call("again", priced=UNUSUAL), call("again")])
    sell(engine, "again", price=25.5)
    casa("journal", "export", "out.parquet")
    assert [row["MEDV"] for row in arrow_parquet.read_table("out.parquet").to_pylist()] == [None, 25.5]


def test_an_empty_journal_is_an_empty_table(engine: Engine) -> None:
    assert casa("journal", "export", "out.parquet").stdout == "0 predictions\n"
    assert arrow_parquet.read_table("out.parquet").num_rows == 0


def test_an_export_replaces_nothing_unasked(diary: Diary, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_text("mine")
    result = casa("journal", "export", "out.parquet")
    assert (result.exit_code, "is there already" in result.stderr) == (1, True)
    assert casa("journal", "export", "out.parquet", "--overwrite").exit_code == 0


def test_an_export_is_a_parquet_file(engine: Engine) -> None:
    result = casa("journal", "export", "out.csv")
    assert (result.exit_code, "name a file that ends in .parquet" in result.stderr) == (1, True)


def test_a_client_is_erased(diary: Diary) -> None:
    diary.note([*calls(3), call("theirs", client="other")])
    assert casa("journal", "erase", "--client", "acme").stdout == "3 predictions of acme are erased\n"
    assert [row.request_id for row in diary.rows()] == ["theirs"]
