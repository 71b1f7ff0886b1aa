"""Where long tables come from: a Parquet or CSV file as chunks of rows, each already numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet
from numpy.typing import NDArray

from casa.batch.cells import is_blank, is_number, is_text, values
from casa.errors import InvalidTable, SourceUnavailable
from casa.house import HOUSE, Array, Declaration
from casa.rules import Flags
from casa.table import is_blank as is_blank_row
from casa.table import open_table, places

CHUNK_ROWS = 32_768
BLOCK_BYTES = 1024 * 1024
"""What is read of a CSV file at once, and so the longest row it may have. Arrow reads 32 blocks ahead."""
BUFFER_BYTES = 1024 * 1024
"""What is read of each Parquet column at once: a row group may be as long as the file."""

Numbers = NDArray[np.int64]


class Ragged(NamedTuple):
    """A row that has more or fewer cells than the header, so that nobody knows which is which."""

    number: int
    cells: int


class Chunk(NamedTuple):
    """Some rows as the file has them, and as numbers."""

    rows: pa.RecordBatch
    numbers: Numbers
    """Each row's number: in a CSV file as a spreadsheet counts, in a Parquet file from 1."""
    houses: Array
    """(n, features), NaN for a gap."""
    text: Flags
    """(n, features): where a cell holds something else than a number."""
    ragged: list[Ragged]
    """Rows that had to be left out."""
    done: int
    """How much of the source's `total` is read, as far as anyone can tell."""


class Source(Protocol):
    """A table that is read once, from its first row to its last."""

    schema: pa.Schema
    places: dict[str, int]
    """Where in the schema the features stand; an optional one may be absent."""
    total: int
    """Its length, in rows or bytes."""

    def chunks(self) -> Iterator[Chunk]:
        """The rows in their order; InvalidTable if the file breaks off or turns into something else."""
        ...


@contextmanager
def open_source(path: Path, *, declaration: Declaration = HOUSE) -> Iterator[Source]:
    """The table in a file, by the end of its name; SourceUnavailable or InvalidTable says why there is none."""
    kind = ParquetSource if path.suffix.lower() == ".parquet" else CsvSource
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise SourceUnavailable(f"{path} cannot be read: it is a folder or a pipe, not a file")
    with _reading(path):
        file = path.open("rb")
    with file:
        yield kind(file, path=path, declaration=declaration)


class ParquetSource:
    """A Parquet file; its `total` is in rows."""

    def __init__(self, file: BinaryIO, *, path: Path, declaration: Declaration) -> None:
        self._path = path
        self._declaration = declaration
        with _reading(path):
            self._file = arrow_parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
        self.schema = self._file.schema_arrow
        self.places = _places(self.schema, declaration, path=path)
        self.total = self._file.metadata.num_rows

    def chunks(self) -> Iterator[Chunk]:
        done = 0
        with _reading(self._path):
            for rows in self._file.iter_batches(batch_size=CHUNK_ROWS, use_threads=False):
                numbers = np.arange(done + 1, done + rows.num_rows + 1)
                done += rows.num_rows
                yield Chunk(rows, numbers, *_houses(rows, self.places, declaration=self._declaration), [], done)


class CsvSource:
    """A CSV file; its `total` is in bytes."""

    def __init__(self, file: BinaryIO, *, path: Path, declaration: Declaration) -> None:
        self._path = path
        self._declaration = declaration
        with path.open("rb") as head:
            self._header = open_table(head, name=str(path)).header.number
        self._odd = Oddities()
        with _reading(path):
            self._reader = _open_csv(file, header=self._header, odd=self._odd)
        self.schema = self._reader.schema
        self.places = _places(self.schema, declaration, path=path)
        self.total = path.stat().st_size

    def chunks(self) -> Iterator[Chunk]:
        seen = done = 0
        with _reading(self._path):
            for block in self._reader:
                kept = _filled(block)
                order = np.arange(seen, seen + block.num_rows)[kept]
                seen += block.num_rows
                # The text and a separator for each cell; Arrow keeps four bytes instead of a separator.
                done += block.nbytes - 3 * block.num_rows * block.num_columns
                rows, numbers = block.filter(pa.array(kept)), self._odd.number(order, header=self._header)
                houses, text = _houses(rows, self.places, declaration=self._declaration)
                yield Chunk(rows, numbers, houses, text, self._odd.take(), done)


class Oddities:
    """Rows of a CSV file that Arrow left out: they have no place in a table, but they count."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._ragged: list[Ragged] = []

    def leave_out(self, row: Any) -> str:  # Arrow's InvalidRow, which has no types
        self._numbers.append(row.number)
        if not is_blank_row(next(csv.reader([row.text]), [])):
            self._ragged.append(Ragged(row.number, row.actual_columns))
        return "skip"

    def number(self, order: Numbers, *, header: int) -> Numbers:
        """The spreadsheet's numbers of the rows that Arrow gives as its `order`-th, counted from 0."""
        before = np.array(self._numbers, dtype=np.int64) - header - 1 - np.arange(len(self._numbers))
        return np.asarray(order + header + 1 + np.searchsorted(before, order, side="right"))

    def take(self) -> list[Ragged]:
        """The rows with too many or too few cells since the last call."""
        taken, self._ragged = self._ragged, []
        return taken


def _open_csv(file: BinaryIO, *, header: int, odd: Oddities) -> Any:  # Arrow's reader, which has no types
    return arrow_csv.open_csv(
        file,
        # One thread, or Arrow cannot say which row has the wrong number of cells. Naming an encoding has the
        # bytes checked as they are read: later, Arrow would complain to stderr by itself.
        read_options=arrow_csv.ReadOptions(
            block_size=BLOCK_BYTES, skip_rows=header - 1, use_threads=False, encoding="utf-8-sig"
        ),
        parse_options=arrow_csv.ParseOptions(
            newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=odd.leave_out
        ),
        convert_options=arrow_csv.ConvertOptions(default_column_type=pa.string(), strings_can_be_null=False),
    )


def _places(schema: pa.Schema, declaration: Declaration, *, path: Path) -> dict[str, int]:
    optional = [feature.name for feature in declaration.features if feature.optional]
    found = places([name.strip() for name in schema.names], declaration.names, name=str(path), optional=optional)
    for name, place in found.items():
        kind = schema.field(place).type
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (is_number(inner) or is_text(inner)):
            raise InvalidTable(f"{path}, column {name}: it holds values of type {kind} instead of numbers")
    return found


def _houses(rows: pa.RecordBatch, found: dict[str, int], *, declaration: Declaration) -> tuple[Array, Flags]:
    houses = np.full((rows.num_rows, len(declaration.names)), np.nan)
    text = np.zeros(houses.shape, dtype=np.bool_)
    for at, name in enumerate(declaration.names):
        if name in found:
            houses[:, at], text[:, at] = values(rows.column(found[name]))
    return houses, text


def _filled(rows: pa.RecordBatch) -> Flags:
    """Which rows hold anything: spreadsheets leave blank ones at a table's end."""
    blank = np.ones(rows.num_rows, dtype=np.bool_)
    for column in rows.columns:
        if blank.any():
            blank &= is_blank(column)
    return ~blank


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """The system's complaints and Arrow's as one sentence."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the second: a column's name
        raise InvalidTable(_trouble(path, str(error))) from error
    except FileNotFoundError as error:
        raise SourceUnavailable(f"there is no file {path}") from error
    except OSError as error:  # Arrow's own, too: it calls a Parquet file that breaks off one
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or 'it is damaged'}") from error


def _trouble(path: Path, complaint: str) -> str:
    if "UTF8" in complaint or "utf-8" in complaint:
        return f"{path} is not in UTF-8: save it as 'CSV UTF-8' (comma-separated)"
    if "Empty CSV" in complaint:
        return f"{path} has a header and no rows"
    if "straddl" in complaint:
        return f"{path} has a row of more than {BLOCK_BYTES:,} bytes, or a quotation mark that is never closed"
    return f"{path} is damaged, or not what the end of its name says: write it again"
