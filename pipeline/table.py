"""A table of houses as a CSV file: read by `casa.table`, written whole, the same digits both ways."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pandas import DataFrame

from casa.errors import CasaError, InvalidTable, SourceUnavailable
from casa.table import open_table, read_columns

MAX_BYTES = 200 * 1024 * 1024


def read_table(path: Path, *, columns: Sequence[str] | None = None, name: str = "") -> DataFrame:
    """The named columns (all without `columns`) as float64, in that order; NaN where a cell is missing.

    The header's case and order do not matter. InvalidTable or SourceUnavailable says what is wrong
    with the file, which it calls `name`, and in which row.
    """
    name = name or str(path)
    with _open(path, name=name) as file:
        table = open_table(file, name=name)
        return DataFrame(read_columns(table, columns or table.header.cells, name=name))


def read_header(path: Path, *, name: str = "") -> list[str]:
    """The columns' names as the file has them, without the blanks around them."""
    name = name or str(path)
    with _open(path, name=name) as file:
        return open_table(file, name=name).header.cells


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


def _open(path: Path, *, name: str) -> BinaryIO:
    try:
        if not path.is_file():
            kind = "a folder, not a file" if path.is_dir() else "no file that could be read"
            raise SourceUnavailable(f"{name} is {kind}" if path.exists() else f"there is no file {name}")
        if path.stat().st_size > MAX_BYTES:
            raise InvalidTable(f"{name} is larger than {MAX_BYTES // 1024**2} MB, the most a table may have")
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceUnavailable(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
