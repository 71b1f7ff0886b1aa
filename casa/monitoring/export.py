"""The journal's predictions as a Parquet file, read in small steps: any length in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as arrow_parquet
from sqlalchemy import Engine, Row, and_, func, select

from casa.batch.sink import drafts
from casa.database import reading
from casa.house import HOUSE
from casa.model.bounds import places
from casa.monitoring.packer import unpack
from casa.schema import FEEDBACK, PREDICTIONS

STEP_ROWS = 20_000
MICROSECONDS = 1_000_000
SCHEMA = pa.schema(
    [
        ("at", pa.timestamp("us", tz="UTC")),
        ("request_id", pa.string()),
        ("row", pa.int32()),
        ("client", pa.string()),
        ("model_version", pa.string()),
        *((name, pa.float64()) for name in HOUSE.names),
        ("price", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("unusual", pa.list_(pa.string())),
        (HOUSE.target.name, pa.float64()),
    ]
)
"""`unusual` names the features outside the training data; the last column is the feedback, null for none."""


def export(engine: Engine, out: Path, *, watch: Callable[[int, int], object]) -> int:
    """Write all predictions to a file that appears when it is whole; how many. `watch` is told them and their total."""
    rows = 0
    with drafts(out) as (hidden,), arrow_parquet.ParquetWriter(hidden, SCHEMA) as writer:
        total = _total(engine)
        for found in _steps(engine):
            writer.write_batch(_columns(found))
            rows += len(found)
            watch(rows, total)
    return rows


def _total(engine: Engine) -> int:
    """About how many rows there are: a look at both ends, not a scan."""
    last, first = (select(end(PREDICTIONS.c.id)).scalar_subquery() for end in (func.max, func.min))
    with reading(engine) as connection:
        return connection.execute(select(last - first + 1)).scalar() or 0


def _steps(engine: Engine) -> Iterator[Sequence[Row[Any]]]:
    keys = ("request_id", "row", "client", "house")  # an id that is used twice may mean two houses
    same = and_(*(PREDICTIONS.c[key] == FEEDBACK.c[key] for key in keys))
    query = select(PREDICTIONS, FEEDBACK.c.price.label("sold")).outerjoin(FEEDBACK, same)
    query, last = query.order_by(PREDICTIONS.c.id).limit(STEP_ROWS), 0
    while True:
        with reading(engine) as connection:
            found = connection.execute(query.where(PREDICTIONS.c.id > last)).all()
        if not found:
            return
        yield found
        last = found[-1].id


def _columns(found: Sequence[Row[Any]]) -> pa.RecordBatch:
    houses = unpack([row.house for row in found])
    columns = [
        [round(row.at * MICROSECONDS) for row in found],
        *([getattr(row, name) for row in found] for name in ("request_id", "row", "client", "model_version")),
        *houses.T,
        *([getattr(row, name) for row in found] for name in ("price", "low", "high")),
        [_names(row.warnings) for row in found],
        [row.sold for row in found],
    ]
    arrays = [pa.array(values, field.type, from_pandas=True) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.record_batch(arrays, schema=SCHEMA)


def _names(warnings: int) -> list[str]:
    return [HOUSE.names[place] for place in places(warnings)]
