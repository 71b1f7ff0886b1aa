"""What of the feedback becomes a label."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pandas import DataFrame
from sqlalchemy import Engine, insert

from casa.database import open_database
from casa.house import HOUSE, Array
from casa.migration import migrate
from casa.schema import FEEDBACK
from casa.settings import Settings
from pipeline.labels import Feedback, Labels, choose, read_feedback
from pipeline.params import Prepare
from pipeline.prepare import uniform_hash
from pipeline.train import Rows

TODAY = datetime(2026, 1, 31, tzinfo=UTC)
KNOBS = Prepare(test_share=0.2, seed=0)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Settings(data_dir=tmp_path))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def base(table: Rows) -> DataFrame:
    return DataFrame(np.column_stack(table), columns=list(HOUSE.columns))


def sold(engine: Engine, house: Array, price: float, *, client: str = "acme", days: int = 1, row: int = 0) -> None:
    told = {"predicted": 1.0, "low": 0.0, "high": 2.0, "model_version": "0123456789ab"}
    place = {"request_id": f"{client}-{days}", "row": row, "client": client, "at": TODAY - timedelta(days=days)}
    with engine.begin() as connection:
        connection.execute(insert(FEEDBACK).values(house=house.astype("<f8").tobytes(), price=price, **place, **told))


def test_only_what_is_young_enough_is_read(engine: Engine, table: Rows) -> None:
    sold(engine, table.houses[0], 30.0, days=10)
    sold(engine, table.houses[1], 40.0, days=100)
    found = read_feedback(engine, since=TODAY - timedelta(days=90))
    assert found.rows.tolist() == [[*table.houses[0].tolist(), 30.0]]
    assert found.clients.tolist() == ["acme"]


def test_no_feedback_is_no_rows(engine: Engine, base: DataFrame) -> None:
    labels = choose(read_feedback(engine, since=TODAY), base, share=0.1, knobs=KNOBS)
    assert (len(labels.rows), labels.clients) == (0, {})


def confirmed(table: Rows, base: DataFrame, *clients: str, each: int, share: float = 0.1) -> Labels:
    """Each client confirms so many houses, unlike any of the table by a little."""
    rows = np.column_stack([table.houses, table.prices])
    rows[:, HOUSE.names.index("CRIM")] += 0.001
    many = np.concatenate([np.roll(rows, place, axis=0)[:each] + 0.0 for place, _ in enumerate(clients)])
    return choose(Feedback(many, np.repeat(clients, each)), base, share=share, knobs=KNOBS)


def test_nobodys_word_weighs_more_than_a_share_of_either_side(table: Rows, base: DataFrame) -> None:
    labels = confirmed(table, base, "flood", "acme", each=400)
    test, base_test = (uniform_hash(rows.to_numpy(), seed=0) < KNOBS.test_share for rows in (labels.rows, base))
    assert test.sum() <= 2 * 0.1 * base_test.sum()
    assert (~test).sum() <= 2 * 0.1 * (~base_test).sum()
    assert set(labels.clients) == {"flood", "acme"}
    assert labels.left_out["over a client's share"] > 600


def test_a_client_of_few_houses_is_heard_whole(table: Rows, base: DataFrame) -> None:
    assert confirmed(table, base, "acme", each=5, share=1.0).clients == {"acme": 5}


@pytest.mark.parametrize(("column", "value"), [("RM", 99.0), ("RM", np.nan), ("MEDV", 0.0), ("MEDV", 1e6)])
def test_what_the_schema_would_refuse_is_left_out(table: Rows, base: DataFrame, column: str, value: float) -> None:
    row = np.array([*table.houses[0], table.prices[0]])
    row[HOUSE.columns.index(column)] = value
    labels = choose(Feedback(row[None], np.array(["acme"])), base, share=1.0, knobs=KNOBS)
    assert labels.left_out["outside the ranges, or said again"] == 1


def test_the_last_word_about_a_house_counts(table: Rows, base: DataFrame) -> None:
    first, last = (np.array([*table.houses[0], price]) for price in (20.0, 30.0))
    labels = choose(Feedback(np.array([first, last]), np.array(["acme"] * 2)), base, share=1.0, knobs=KNOBS)
    assert labels.rows["MEDV"].tolist() == [30.0]
