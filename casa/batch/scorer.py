"""Prices a long table chunk by chunk: good rows get a price, bad ones a line among the refusals."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from casa.batch.sink import Refusals, drafts, open_sink
from casa.batch.source import Chunk, Source
from casa.errors import InvalidTable
from casa.house import HOUSE, Array
from casa.model.ensemble import Prices
from casa.model.pricer import Pricer
from casa.rules import Codes, Flags, Rules
from casa.table import shorten

SLICE_ROWS = 4_096
"""Rows that one thread prices at once: few enough for a core's cache."""

Refusal = tuple[int, str, str, str]


@dataclass
class Tally:
    """What became of the rows so far."""

    priced: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.priced + self.refused

    def add(self, bad: Flags, *, ragged: int) -> None:
        """Count a chunk's rows: `bad` says which have no price, `ragged` how many were no rows at all."""
        self.refused += int(bad.sum()) + ragged
        self.priced += int((~bad).sum())


Watch = Callable[[Tally, int], None]
"""Told after each chunk: the tally, and how much of the source's `total` is read."""


def score(source: Source, out: Path, *, errors: Path, pricer: Pricer, watch: Watch) -> Tally:
    """Write the source's rows with their prices as `out` and what was refused as `errors`; both or neither.

    CasaError if there are no rows, the source breaks off or a file cannot be written.
    """
    tally = Tally()
    with (
        drafts(out, errors) as (results, rest),
        closing(Refusals(rest)) as refusals,
        open_sink(results, source, kind=out.suffix) as sink,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        scorer = Scorer(pricer, pool=pool)
        for chunk in source.chunks():
            prices, codes = scorer.price(chunk)
            sink.write(chunk, prices)
            refusals.write(scorer.refusals(chunk, codes, source=source))
            tally.add(np.isnan(prices.price), ragged=len(chunk.ragged))
            watch(tally, chunk.done)
        if not tally.rows:
            raise InvalidTable("the table has a header and no rows")
    return tally


class Scorer:
    """One model and the declaration's rules, over chunks of houses."""

    def __init__(self, pricer: Pricer, *, pool: Executor) -> None:
        self._pricer = pricer
        self._pool = pool
        self._rules = Rules()

    def price(self, chunk: Chunk) -> tuple[Prices, Codes]:
        """Prices (n,), NaN for a bad house, and the rule that each value breaks (n, features), 0 where none."""
        codes = self._rules.codes(chunk.houses, chunk.text)
        good = np.all(codes == 0, axis=1)
        prices = np.full((len(Prices._fields), len(good)), np.nan)
        prices[:, good] = self._price(chunk.houses[good])
        return Prices(*prices), codes

    def refusals(self, chunk: Chunk, codes: Codes, *, source: Source) -> list[Refusal]:
        """Row, column, value and rule of all that is wrong in a chunk, row by row."""
        width = len(source.schema)
        ragged = [(row, "", f"{cells} cells", f"the header has {width}") for row, cells in chunk.ragged]
        return sorted([*ragged, *self._broken(chunk, codes, places=source.places)], key=itemgetter(0))

    def _price(self, houses: Array) -> Array:
        slices = [houses[at : at + SLICE_ROWS] for at in range(0, len(houses), SLICE_ROWS)]
        priced = [np.empty((len(Prices._fields), 0)), *map(np.vstack, self._pool.map(self._pricer.price, slices))]
        return np.hstack(priced)

    def _broken(self, chunk: Chunk, codes: Codes, *, places: Mapping[str, int]) -> Iterator[Refusal]:
        for row, at in np.argwhere(codes).tolist():
            name = HOUSE.names[at]
            value = chunk.rows.column(places[name])[row].as_py() if name in places else None
            shown = "" if value is None else shorten(str(value))
            yield int(chunk.numbers[row]), name, shown, self._rules.rule(at, codes[row, at]).words
