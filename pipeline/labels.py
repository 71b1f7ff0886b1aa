"""Labels from feedback: what houses really sold for, by those who were told their price.

Only what somebody confirmed is a label, never a prediction. Whoever has a key can confirm anything, so nobody's word
weighs more than a share of the table, among the training rows and among the held-out rows alike: a row's own values
decide on which side it falls, and could be chosen for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame
from sqlalchemy import Engine, select

from casa.database import reading
from casa.house import HOUSE, Array
from casa.schema import FEEDBACK
from pipeline.params import Prepare
from pipeline.prepare import uniform_hash

LOTTERY = 0x1ABE1
"""The seed by which a client's rows are chosen where it has too many: not by time, so that a flood pushes none out."""


class Labels(NamedTuple):
    """Rows for the table, and what was made of those that were there."""

    rows: DataFrame
    clients: Mapping[str, int]
    """How many rows of each client are among them."""
    left_out: Mapping[str, int]
    """How many are not, by why."""


class Feedback(NamedTuple):
    """Confirmed sales: table rows (n, columns) and their clients (n,), the newest last."""

    rows: Array
    clients: NDArray[np.str_]


def read_feedback(engine: Engine, *, since: datetime) -> Feedback:
    """What was confirmed since then, over all replicas."""
    wanted = select(FEEDBACK.c.client, FEEDBACK.c.house, FEEDBACK.c.price).where(FEEDBACK.c.at >= since)
    with reading(engine) as connection:
        found = connection.execute(wanted.order_by(FEEDBACK.c.at)).all()
    rows = [[*np.frombuffer(row.house, "<f8"), row.price] for row in found]
    return Feedback(np.array(rows, dtype=np.float64).reshape(-1, len(HOUSE.columns)), np.array([r[0] for r in found]))


def choose(feedback: Feedback, base: DataFrame, *, share: float, knobs: Prepare) -> Labels:
    """The rows to learn from and to compare on, none of a client over its share of either side of `base`."""
    fit = _within_ranges(feedback.rows) & _newest(feedback)
    sides = uniform_hash(feedback.rows, seed=knobs.seed) < knobs.test_share
    base_sides = uniform_hash(base.to_numpy(dtype=np.float64), seed=knobs.seed) < knobs.test_share
    kept = np.zeros(len(fit), dtype=bool)
    for side in (False, True):
        most = int(share * np.sum(base_sides == side))
        for client in sorted(set(feedback.clients)):
            kept |= _lottery(feedback.rows, fit & (sides == side) & (feedback.clients == client), most=most)
    names, counts = np.unique(feedback.clients[kept], return_counts=True)
    left = {"outside the ranges, or said again": int((~fit).sum()), "over a client's share": int((fit & ~kept).sum())}
    rows = DataFrame(feedback.rows[kept], columns=list(HOUSE.columns))
    return Labels(rows, dict(zip(names.tolist(), counts.tolist(), strict=True)), left)


def _within_ranges(rows: Array) -> NDArray[np.bool_]:
    """Rows that the table's schema takes: one that it refuses would count against all others."""
    houses, prices = rows[:, :-1], rows[:, -1]
    low, high = (np.array([getattr(one, end) for one in HOUSE.features]) for end in ("low", "high"))
    optional = np.array([one.optional for one in HOUSE.features])
    fit = ((houses >= low) & (houses <= high)) | (np.isnan(houses) & optional)
    return np.asarray(fit.all(axis=1) & (prices > HOUSE.target.low) & (prices <= HOUSE.target.high))


def _newest(feedback: Feedback) -> NDArray[np.bool_]:
    """Of what one client says of one house, the last word counts."""
    keys = [(client, row.tobytes()) for client, row in zip(feedback.clients, feedback.rows[:, :-1], strict=True)]
    last = {key: place for place, key in enumerate(keys)}
    return np.array([last[key] == place for place, key in enumerate(keys)], dtype=bool)


def _lottery(rows: Array, own: NDArray[np.bool_], *, most: int) -> NDArray[np.bool_]:
    places = np.flatnonzero(own)
    order = np.argsort(uniform_hash(rows[places], seed=LOTTERY), kind="stable")
    kept = np.zeros(len(rows), dtype=bool)
    kept[places[order[:most]]] = True
    return kept
