"""A CSV table, read with suspicion and without pandas: the serving image has none.

Rows are counted as a spreadsheet counts them: the header is row 1, the first house row 2.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

import numpy as np

from casa.errors import InvalidTable, SourceUnavailable
from casa.house import Array

MAX_LINE = 1024 * 1024
HEAD = 4096
BOM = b"\xef\xbb\xbf"
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"})
"""What pandas takes for a missing cell, in lower case."""

KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive or an Excel sheet",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"<": "a web page",
}
"""First bytes that tell a user more than a parser's complaint would."""


class Row(NamedTuple):
    """A row's number and its cells as they were written."""

    number: int
    cells: list[str]


class Table(NamedTuple):
    """A header without the blanks around its names, and the rows under it that are not blank."""

    header: Row
    rows: Iterator[Row]


def read_file(path: Path, *, name: str, max_bytes: int) -> BinaryIO:
    """The whole file in memory; SourceUnavailable or InvalidTable if there is none or it is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise SourceUnavailable(f"there is no file {name}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceUnavailable(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > max_bytes:
        raise InvalidTable(f"{name} is larger than {max_bytes // 1024**2} MB; `casa score` prices tables of any length")
    return BytesIO(content)


def open_table(file: BinaryIO, *, name: str) -> Table:
    """The table in a seekable file, which its errors call `name`; its rows are read as they are asked for.

    InvalidTable, here or under way, says in one sentence what is wrong and from which row on.
    """
    _sniff(file.read(HEAD), name=name)
    file.seek(0)
    rows = _rows(file, name=name)
    return Table(_header(rows, name=name), rows)


def places(header: Sequence[str], columns: Sequence[str], *, name: str, optional: Sequence[str] = ()) -> dict[str, int]:
    """Where each column stands in a row, whatever its case; an `optional` one may be absent."""
    titles = [title.casefold() for title in header]
    present = [column for column in columns if column.casefold() in titles]
    if missing := [column for column in columns if column not in present and column not in optional]:
        raise missing_columns(name, missing)
    if doubled := [column for column in present if titles.count(column.casefold()) > 1]:
        raise InvalidTable(f"{name} has more than one column {doubled[0]}: keep one of them")
    return {column: titles.index(column.casefold()) for column in present}


def read_columns(table: Table, columns: Sequence[str], *, name: str) -> dict[str, Array]:
    """The numbers in each column (n,), NaN where a cell is missing; InvalidTable names the first that is none."""
    found = places(table.header.cells, columns, name=name)
    values = [array("d") for _ in found]
    for row in table.rows:
        if len(row.cells) != len(table.header.cells):
            raise InvalidTable(f"{name}, row {row.number}: {ragged(row, table.header)}")
        for column, (title, place) in zip(values, found.items(), strict=True):
            column.append(_finite(row.cells[place], where=f"{name}, row {row.number}, column {title}"))
    return {title: np.array(column) for title, column in zip(found, values, strict=True)}


def missing_columns(name: str, missing: Sequence[str]) -> InvalidTable:
    """The error of a table that lacks columns."""
    return InvalidTable(f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def ragged(row: Row, header: Row) -> str:
    """What is wrong with a row that has more or fewer cells than the header."""
    return f"{len(row.cells)} cells under a header of {len(header.cells)}"


def number(cell: str) -> float:
    """The cell's number, NaN where it is missing, maybe infinite; ValueError for text."""
    text = cell.strip()
    if text.lower() in MISSING:
        return math.nan
    # float() also reads 1_0 and Arabic digits, which no other reader of the table would.
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def is_blank(cells: Sequence[str]) -> bool:
    """Does the row hold nothing? Spreadsheets leave such rows at a table's end."""
    return not any(cell.strip() for cell in cells)


def shorten(text: str) -> str:
    """A cell or a column's name, quoted, harmless on a terminal and at most some 40 characters long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _finite(cell: str, *, where: str) -> float:
    try:
        value = number(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise InvalidTable(f"{where}: {shorten(cell.strip())} is not a finite number")
    return value


def _sniff(head: bytes, *, name: str) -> None:
    text = head.removeprefix(BOM).lstrip()
    kinds = [kind for start, kind in KINDS.items() if text.startswith(start)] + ["a binary file"] * (b"\0" in head)
    if kinds:
        raise InvalidTable(f"{name} is {kinds[0]}: export the table as CSV, comma-separated and in UTF-8")
    if not text:
        raise InvalidTable(f"{name} is empty")


def _rows(file: BinaryIO, *, name: str) -> Iterator[Row]:
    at = 0
    try:
        with TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            # A blank line and a cell with a line break each count as a spreadsheet counts them: one row.
            for at, cells in enumerate(csv.reader(_lines(text, name=name), strict=True), start=1):
                if not is_blank(cells):
                    yield Row(at, cells)
    except UnicodeDecodeError as error:
        raise InvalidTable(f"{name} is not in UTF-8: save it as 'CSV UTF-8' (comma-separated)") from error
    except csv.Error as error:
        raise InvalidTable(f"{name} is no CSV file: {error}, after row {at}") from error


def _lines(text: TextIO, *, name: str) -> Iterator[str]:
    # A file without line breaks would otherwise become one row of a hundred million cells.
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise InvalidTable(f"{name} is no table of houses: it has a line of more than {MAX_LINE:,} characters")
        yield line


def _header(rows: Iterator[Row], *, name: str) -> Row:
    at, cells = next(rows, Row(0, []))
    if not cells:
        raise InvalidTable(f"{name} is empty")
    for sign, word in {";": "semicolons", "\t": "tabs"}.items():
        if len(cells) == 1 and sign in cells[0]:
            raise InvalidTable(f"{name} has {word} between its cells: export the table with commas")
    return Row(at, [cell.strip() for cell in cells])
