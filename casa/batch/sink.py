"""Where priced tables go: a Parquet or CSV file, whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as arrow_parquet

from casa.batch.cells import is_text, quoted
from casa.batch.source import Chunk, Source
from casa.errors import CasaError, InvalidTable
from casa.house import HOUSE
from casa.model.ensemble import Prices

GROUP_ROWS = 131_072
REFUSALS = ("row", "column", "value", "rule")


class Sink(Protocol):
    """A file that takes a source's rows with their prices."""

    def write(self, chunk: Chunk, prices: Prices) -> None:
        """Add rows and their prices, NaN for a house that has none."""
        ...


@contextmanager
def drafts(*paths: Path) -> Iterator[list[Path]]:
    """Names beside the paths that become them at the end, or vanish if the end is an error.

    Where nothing was written to one, its path is removed: what lay there belongs to an earlier run.
    """
    hidden = [path.with_name(f".{path.name}.{os.getpid()}") for path in paths]
    try:
        yield hidden
        for ours, path in zip(hidden, paths, strict=True):
            _settle(ours, path)
    except OSError as error:
        raise CasaError(f"{paths[0]} cannot be written: {error.strerror or error}") from error
    finally:
        for ours in hidden:
            with suppress(OSError):
                ours.unlink()


@contextmanager
def open_sink(path: Path, source: Source, *, kind: str) -> Iterator[Sink]:
    """A new file for a source's rows, Parquet or CSV by `kind`, the end of its final name.

    InvalidTable if the source has a column that the file cannot hold.
    """
    if clash := sorted(set(Prices._fields) & set(source.schema.names)):
        raise InvalidTable(f"the table has a column {clash[0]} already: rename it, the price goes there")
    if kind.lower() == ".parquet":
        with arrow_parquet.ParquetWriter(path, _numeric(source)) as writer:
            sink = ParquetSink(writer, source)
            yield sink
            sink.flush()
    else:
        with path.open("xb") as file:
            yield CsvSink(file, source)


class ParquetSink:
    """A Parquet file; features that came as text are numbers in it."""

    def __init__(self, writer: arrow_parquet.ParquetWriter, source: Source) -> None:
        self._writer = writer
        self._source = source
        self._held: list[pa.RecordBatch] = []

    def write(self, chunk: Chunk, prices: Prices) -> None:
        columns = list(chunk.rows.columns)
        for name, place in self._source.places.items():
            if is_text(columns[place].type):
                columns[place] = pa.array(chunk.houses[:, HOUSE.names.index(name)], from_pandas=True)
        self._held.append(pa.record_batch([*columns, *_columns(prices)], schema=self._writer.schema))
        if sum(rows.num_rows for rows in self._held) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held back to make row groups that are worth their overhead."""
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held), row_group_size=GROUP_ROWS)
            self._held = []


class CsvSink:
    """A CSV file; every cell of the source stays as it was written."""

    def __init__(self, file: BinaryIO, source: Source) -> None:
        self._file = file
        for field in source.schema:
            if pa.types.is_nested(field.type):
                raise InvalidTable(f"column {field.name} holds {field.type}, which no CSV file can: write Parquet")
        names = [*source.schema.names, *Prices._fields]
        self._write([pa.array([name]) for name in names])

    def write(self, chunk: Chunk, prices: Prices) -> None:
        self._write([*chunk.rows.columns, *_columns(prices)])

    def _write(self, columns: Sequence[pa.Array]) -> None:
        lines = pc.binary_join_element_wise(*(quoted(column) for column in columns), ",").to_pylist()
        self._file.write("".join(f"{line}\n" for line in lines).encode())


class Refusals:
    """A CSV file of what was refused, begun with the first row of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def write(self, rows: Sequence[tuple[int, str, str, str]]) -> None:
        """Add rows of `REFUSALS`."""
        if rows and self._file is None:
            self._file = self._path.open("x", encoding="utf-8", newline="")
            csv.writer(self._file, lineterminator="\n").writerow(REFUSALS)
        if self._file:
            csv.writer(self._file, lineterminator="\n").writerows(rows)

    def close(self) -> None:
        """No more rows."""
        if self._file:
            self._file.close()


def _settle(hidden: Path, path: Path) -> None:
    if not hidden.exists():
        path.unlink(missing_ok=True)
        return
    with hidden.open("rb") as file:
        os.fsync(file.fileno())
    hidden.replace(path)


def _numeric(source: Source) -> pa.Schema:
    """The source's columns, features as numbers, and the price's."""
    places = set(source.places.values())
    fields = [
        field.with_type(pa.float64()) if at in places and is_text(field.type) else field
        for at, field in enumerate(source.schema)
    ]
    prices = [pa.field(name, pa.float64()) for name in Prices._fields]
    return pa.schema([*fields, *prices], metadata=source.schema.metadata)


def _columns(prices: Prices) -> list[pa.Array]:
    return [pa.array(np.asarray(values), from_pandas=True) for values in prices]
