"""How often drift's alarm rings for nothing, and how soon for a shift of half a standard deviation.

Example: python -m benchmarks.drift   (a minute)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import default_rng
from pandas import DataFrame

from benchmarks.table import machine, show
from casa.house import HOUSE, Array
from casa.model.ensemble import Prices
from casa.monitoring.alarm import LASTING, MIN_ROWS
from casa.monitoring.drift import Flags, measure
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.ingest import bundled
from pipeline.prepare import split
from pipeline.reference import reference

DAILY = (100, 1_000, 4_800, 10_000, 100_000, 1_000_000, 10_000_000)
"""Rows a day. At 4,800 there are as many windows as there can be, with as few rows as there can be."""
WEEK = 7 * 24
REFERENCES = 10
WEEKS = 100
STREAMS = 1_000
BINS = 10


class Traffic:
    """Houses of a table (n, columns), its last column the price, each asked for as often as chance has it."""

    def __init__(self, seen: Reference, table: Array) -> None:
        houses, prices = table[:, :-1], table[:, -1:]
        windows = [seen.count(house[None], Prices(p, p, p)) for house, p in zip(houses, prices, strict=True)]
        self._counts = np.array([window.counts for window in windows], dtype=np.float64)
        self._sums = np.array([window.sums for window in windows])
        self._outside = np.array([window.outside for window in windows])

    def draw(self, count: int, *, rows: int, random: np.random.Generator) -> Window:
        """`count` windows of so many rows, stacked."""
        houses = len(self._counts)
        asked = random.multinomial(rows, np.full(houses, 1 / houses), size=count).astype(np.float64)
        counts = np.tensordot(asked, self._counts, axes=1).astype(np.int64)  # whole numbers below 2^53: exact
        return Window(counts, asked @ self._sums, (asked @ self._outside).astype(np.int64), 0.0)


def main() -> None:
    """Simulate, and print both tables."""
    table = bundled().to_numpy(dtype=np.float64)
    show(
        f"false alarms ({machine()})",
        (
            "rows a day",
            "rows a window",
            "windows a week",
            "windows with an effect",
            "alarms",
            "weeks",
            "at most a week",
        ),
        [_false_alarms(table, daily) for daily in DAILY],
    )
    show(
        f"a shift of half a standard deviation, {MIN_ROWS} rows a window ({machine()})",
        ("column", "raised: seen after 300 rows", "after 500", "lowered: after 300", "after 500"),
        _delays(table),
    )


def learn(train: Array) -> Reference:
    """The reference of training rows (n, columns), the last column the price."""
    return Reference.from_dict(reference(train[:, :-1], train[:, -1], bins=BINS))


def samples(table: Array, *, count: int) -> Iterator[Array]:
    """Training rows: the pipeline's side of the table, and as many rows drawn anew, in turn.

    What is drawn anew differs from the table as a real table differs from the world.
    """
    for seed in range(math.ceil(count / 2)):
        train, _ = split(DataFrame(table), share=0.2, seed=seed)
        yield train.to_numpy()
        yield table[default_rng(seed).integers(len(table), size=len(train))]


def window_size(daily: int) -> tuple[int, int]:
    """Rows of a window and its hours, at so many rows a day."""
    hours = math.ceil(MIN_ROWS * 24 / daily)
    return daily * hours // 24, hours


def rings(effects: Flags) -> Flags:
    """When the alarm begins to ring for each column: effects (windows, columns) in the order of time."""
    lasting = np.asarray(np.lib.stride_tricks.sliding_window_view(effects, LASTING, axis=0).all(axis=-1))
    before = np.vstack([np.zeros_like(lasting[:1]), lasting[:-1]])
    return np.asarray(lasting & ~before)


def most_alarms(effects: Flags, *, hours: int) -> float:
    """False alarms a week at most, as seen from undrifted effects (windows, columns), with a confidence of 95 %.

    Undrifted windows are independent, so two in a row have the squared share; its upper end is the rule of three's
    (Hanley and Lippman-Hand, 1983), with three more for each one seen, which is more than enough.
    """
    seen = int(effects.any(axis=1).sum())
    return float((3 * (seen + 1) / len(effects)) ** LASTING * WEEK / hours)


def shift(table: Array, place: int, *, by: float) -> Array:
    """The table with one column moved `by` standard deviations, within the values a caller may send."""
    moved, feature = table.copy(), dict(enumerate(HOUSE.features)).get(place)
    column, low, high = moved[:, place], *((feature or HOUSE.target).low, (feature or HOUSE.target).high)
    if feature and feature.binary:
        old, new = (low, high) if by > 0 else (high, low)
        column[np.flatnonzero(column == old)[: int(abs(by) * column.std() * len(column))]] = new
    else:
        column[:] = np.clip(column + by * column.std(), low, high)
    return moved


def delays(seen: Reference, table: Array, moved: Array, *, place: int, streams: int, seed: int) -> tuple[float, float]:
    """Shares of the streams whose alarm rings 300 and 500 rows after the shift, which comes amid a window of 200."""
    random = default_rng(seed)
    old, new = Traffic(seen, table), Traffic(seen, moved)
    amid = old.draw(streams, rows=MIN_ROWS // 2, random=random) + new.draw(streams, rows=MIN_ROWS // 2, random=random)
    first, second = (new.draw(streams, rows=MIN_ROWS, random=random) for _ in range(2))
    effects = [measure(seen, windows).effects[:, place] for windows in (amid, first, second)]
    soon = effects[0] & effects[1]
    return float(soon.mean()), float((soon | (effects[1] & effects[2])).mean())


def _false_alarms(table: Array, daily: int) -> Sequence[object]:
    rows, hours = window_size(daily)
    found = []
    for seed, train in enumerate(samples(table, count=REFERENCES)):
        seen = learn(train)
        random, traffic = default_rng(seed), Traffic(seen, table)
        weekly = [traffic.draw(math.ceil(WEEK / hours), rows=rows, random=random) for _ in range(WEEKS)]
        found.append(np.vstack([measure(seen, windows).effects for windows in weekly]))
    share = float(np.mean([effects.any(axis=1).mean() for effects in found]))
    alarms = sum(int(rings(effects).sum()) for effects in found)
    most = max(most_alarms(effects, hours=hours) for effects in found)
    return f"{daily:,}", rows, WEEK / hours, f"{share:.2%}", alarms, WEEKS * REFERENCES, f"{most:.1e}"


def _delays(table: Array) -> Iterator[Sequence[object]]:
    seen = learn(next(samples(table, count=1)))
    for place, name in enumerate(HOUSE.columns):
        both = [shift(table, place, by=by) for by in (0.5, -0.5)]
        shares = [delays(seen, table, moved, place=place, streams=STREAMS, seed=place) for moved in both]
        yield name, *(f"{share:.1%}" for pair in shares for share in pair)


if __name__ == "__main__":
    main()
