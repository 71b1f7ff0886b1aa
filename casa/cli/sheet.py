"""A small table of houses: its rows as they were written, as numbers, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from casa.errors import Flaw, InvalidTable
from casa.house import HOUSE, Array
from casa.rules import Flags, Rules
from casa.table import Row, number, open_table, places, ragged


@dataclass(frozen=True)
class Sheet:
    """The rows under a header."""

    header: Row
    rows: Sequence[Row]
    places: Mapping[str, int]
    """Where in a row the features stand; an optional one may be absent."""
    others: Sequence[str]
    """Columns that are no feature of a house."""

    def cell(self, row: Row, name: str) -> str:
        """A feature's cell without the blanks around it; empty if the row has none."""
        at = self.places.get(name, len(row.cells))
        return row.cells[at].strip() if at < len(row.cells) else ""

    def houses(self) -> tuple[Array, Flags]:
        """Numbers (n, features) with NaN for a gap, and where a cell holds something else."""
        houses = np.full((len(self.rows), len(HOUSE.names)), np.nan)
        text = np.zeros(houses.shape, dtype=np.bool_)
        for at, row in enumerate(self.rows):
            for column, name in enumerate(HOUSE.names):
                try:
                    houses[at, column] = number(self.cell(row, name))
                except ValueError:
                    text[at, column] = True
        return houses, text

    def flaws(self, houses: Array, text: Flags) -> list[list[Flaw]]:
        """What is wrong with each row; nothing if it can be priced."""
        rules = Rules()
        codes = rules.codes(houses, text)
        found: list[list[Flaw]] = [[] for _ in self.rows]
        for at, column in np.argwhere(codes).tolist():
            found[at].append(rules.flaw(column, codes[at, column]))
        # Of a row with too few or too many cells nobody knows what stands where.
        return [self._ragged(row) or flaws for row, flaws in zip(self.rows, found, strict=True)]

    def _ragged(self, row: Row) -> list[Flaw]:
        if len(row.cells) == len(self.header.cells):
            return []
        return [Flaw(loc=[], msg=ragged(row, self.header), type="ragged")]


def read_sheet(file: BinaryIO, *, name: str) -> Sheet:
    """The table in a CSV file; InvalidTable if it is none, lacks a column or has no rows."""
    header, lines = open_table(file, name=name)
    optional = [feature.name for feature in HOUSE.features if feature.optional]
    found = places(header.cells, HOUSE.names, name=name, optional=optional)
    rows = list(lines)
    if not rows:
        raise InvalidTable(f"{name} has a header and no rows")
    others = [title for at, title in enumerate(header.cells) if at not in found.values()]
    return Sheet(header, rows, found, others)
