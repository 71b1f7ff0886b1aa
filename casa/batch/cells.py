"""A column's cells as numbers, and as text for a CSV file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from casa.house import Array
from casa.rules import Flags
from casa.table import MISSING, number

SPECIAL = b'",\r\n'
"""What makes a cell need quotation marks."""


def is_text(kind: pa.DataType) -> bool:
    """Does a column of this type hold text?"""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: pa.DataType) -> bool:
    """Does a column of this type hold numbers, or nothing at all?"""
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(test(kind) for test in tests)


def values(column: pa.Array) -> tuple[Array, Flags]:
    """Numbers (n,) with NaN for a gap, and where a cell holds something else; read as `casa.table.number` does."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return _parse(column.cast(pa.string())) if is_text(column.type) else (_floats(column), _nowhere(column))


def is_blank(column: pa.Array) -> Flags:
    """Where cells of text hold nothing."""
    return _flags(pc.equal(pc.utf8_trim_whitespace(column), ""))


def quoted(column: pa.Array) -> pa.Array:
    """The cells as a CSV file holds them, a gap as nothing."""
    text = pc.fill_null(column.cast(pa.string()), "")
    if not _is_special(text):
        return text
    special = pc.match_substring_regex(text, f"[{SPECIAL.decode()}]")
    escaped = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', escaped, '"', ""), text)


def _is_special(text: pa.Array) -> bool:
    """May a cell need quotation marks? A look at the bytes of all cells takes a tenth of a look at each."""
    cells = text.buffers()[2]
    content = cells.to_pybytes() if cells else b""
    return any(sign in content for sign in SPECIAL)


def _parse(cells: pa.Array) -> tuple[Array, Flags]:
    trimmed = pc.ascii_trim_whitespace(cells)
    gaps = pc.is_in(pc.ascii_lower(trimmed), value_set=pa.array(sorted(MISSING)))
    try:
        read = pc.if_else(gaps, pa.scalar(None, pa.string()), trimmed).cast(pa.float64())
    except pa.ArrowInvalid:
        return _parse_singly(cells)
    # Arrow takes nan(x) for a number, we do not.
    return _parse_singly(cells) if pc.any(pc.is_nan(read)).as_py() else (_floats(read), _nowhere(cells))


def _parse_singly(cells: pa.Array) -> tuple[Array, Flags]:
    read = np.full(len(cells), np.nan)
    text = _nowhere(cells)
    for at, cell in enumerate(cells.to_pylist()):
        try:
            read[at] = number(cell or "")
        except ValueError:
            text[at] = True
    return read, text


def _floats(column: pa.Array) -> Array:
    floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(floats, dtype=np.float64)


def _flags(column: pa.Array) -> Flags:
    return np.array(column.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _nowhere(column: pa.Array) -> Flags:
    return np.zeros(len(column), dtype=np.bool_)
