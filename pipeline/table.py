"""A table of houses as a CSV file: read with suspicion, written whole, the same digits both ways.

Rows are counted as a spreadsheet counts them: the header is row 1, the first house row 2.
"""

from __future__ import annotations

import csv
import math
import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import numpy as np
from pandas import DataFrame

from casa.errors import CasaError, InvalidTable, SourceUnavailable

MAX_BYTES = 200 * 1024 * 1024
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

Rows = Iterator[tuple[int, list[str]]]


def read_table(path: Path, *, columns: Sequence[str] | None = None, name: str = "") -> DataFrame:
    """The named columns (all without `columns`) as float64, in that order; NaN where a cell is missing.

    The header's case and order do not matter. InvalidTable or SourceUnavailable says what is wrong
    with the file, which it calls `name`, and in which row.
    """
    name = name or str(path)
    _sniff(path, name=name)
    rows = _rows(path, name=name)
    header = _header(rows, name=name)
    places = _places(header, columns or header, name=name)
    values = _values(rows, places, width=len(header), name=name)
    return DataFrame({title: np.array(column) for title, column in zip(places, values, strict=True)})


def read_header(path: Path, *, name: str = "") -> list[str]:
    """The columns' names as the file has them, without the blanks around them."""
    name = name or str(path)
    _sniff(path, name=name)
    return _header(_rows(path, name=name), name=name)


def write_table(frame: DataFrame, path: Path) -> None:
    """Write the table as CSV: the shortest digits that read back as the same float64, a missing cell empty."""
    write_file(frame.to_csv(index=False, lineterminator="\n").encode(), path)


def write_file(content: bytes, path: Path) -> None:
    """Write the whole file or nothing of it: whoever stops us leaves the old one in place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise CasaError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def missing_columns(name: str, missing: Sequence[str]) -> InvalidTable:
    """The error of a table that lacks columns."""
    return InvalidTable(f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def shorten(text: str) -> str:
    """A cell or a column's name, quoted, harmless on a terminal and at most some 40 characters long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _sniff(path: Path, *, name: str) -> None:
    head = _head(path, name=name)
    text = head.removeprefix(BOM).lstrip()
    kinds = [kind for start, kind in KINDS.items() if text.startswith(start)] + ["a binary file"] * (b"\0" in head)
    if kinds:
        raise InvalidTable(f"{name} is {kinds[0]}: export the table as CSV, comma-separated and in UTF-8")
    if not text:
        raise InvalidTable(f"{name} is empty")


def _head(path: Path, *, name: str) -> bytes:
    try:
        if not path.is_file():
            kind = "a folder, not a file" if path.is_dir() else "no file that could be read"
            raise SourceUnavailable(f"{name} is {kind}" if path.exists() else f"there is no file {name}")
        if path.stat().st_size > MAX_BYTES:
            raise InvalidTable(f"{name} is larger than {MAX_BYTES // 1024**2} MB, the most a table may have")
        with path.open("rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceUnavailable(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _rows(path: Path, *, name: str) -> Rows:
    """Each row that is not blank, with the number of its line."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_lines(file, name=name), strict=True)
            for cells in reader:
                line = reader.line_num
                if cells and not (len(cells) == 1 and cells[0].isspace()):
                    yield line, cells
    except UnicodeDecodeError as error:
        raise InvalidTable(f"{name} is not in UTF-8: save it as 'CSV UTF-8' (comma-separated)") from error
    except csv.Error as error:
        raise InvalidTable(f"{name} is no CSV file: {error}, after row {line}") from error


def _lines(file: TextIO, *, name: str) -> Iterator[str]:
    # A file without line breaks would otherwise become one row of a hundred million cells.
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise InvalidTable(f"{name} is no table of houses: it has a line of more than {MAX_LINE:,} characters")
        yield line


def _header(rows: Rows, *, name: str) -> list[str]:
    _, cells = next(rows, (0, []))
    if not cells:
        raise InvalidTable(f"{name} is empty")
    for sign, word in {";": "semicolons", "\t": "tabs"}.items():
        if len(cells) == 1 and sign in cells[0]:
            raise InvalidTable(f"{name} has {word} between its cells: export the table with commas")
    return [cell.strip() for cell in cells]


def _places(header: Sequence[str], columns: Sequence[str], *, name: str) -> dict[str, int]:
    """Where each column stands in a row."""
    titles = [title.casefold() for title in header]
    if missing := [column for column in columns if column.casefold() not in titles]:
        raise missing_columns(name, missing)
    if doubled := [column for column in dict.fromkeys(columns) if titles.count(column.casefold()) > 1]:
        raise InvalidTable(f"{name} has more than one column {doubled[0]}: keep one of them")
    return {column: titles.index(column.casefold()) for column in columns}


def _values(rows: Rows, places: dict[str, int], *, width: int, name: str) -> list[array[float]]:
    values = [array("d") for _ in places]
    for line, cells in rows:
        if len(cells) != width:
            raise InvalidTable(f"{name}, row {line}: {len(cells)} cells under a header of {width}")
        for column, (title, place) in zip(values, places.items(), strict=True):
            try:
                column.append(_number(cells[place]))
            except ValueError as error:
                text = shorten(cells[place].strip())
                raise InvalidTable(f"{name}, row {line}, column {title}: {text} is not a finite number") from error
    return values


def _number(cell: str) -> float:
    """The cell's number, NaN where it is missing; ValueError for text and infinities."""
    text = cell.strip()
    if text.lower() in MISSING:
        return math.nan
    # float() also reads 1_0 and Arabic digits, which no other reader of the table would.
    if "_" in text or not text.isascii() or math.isinf(number := float(text)):
        raise ValueError(text)
    return number
