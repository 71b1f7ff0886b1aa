"""How the boosters' margins become a price and an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from casa.house import Array
from casa.model.preprocessor import Matrix

DECIMALS = 4
"""Prices are given to a tenth of a dollar."""

Link = Literal["identity", "log"]


class Prices(NamedTuple):
    """Prices and their intervals' ends, each (n,), in thousands of dollars."""

    price: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Member:
    """One booster of an average: its file, the scale its target was on, that scale's centre, and its weight."""

    file: str
    link: Link
    center: float
    weight: float = 1.0

    def respond(self, margin: Matrix) -> Array:
        """Margins (n,) to prices (n,)."""
        centered = margin.astype(np.float64) + self.center
        return np.exp(centered) if self.link == "log" else centered


@dataclass(frozen=True)
class Ensemble:
    """Boosters averaged in price units, and a conformal interval as wide as the house is difficult.

    The interval is price ± quantile · difficulty: normalised split-conformal scores pooled out of fold
    (Papadopoulos et al., "Normalized nonconformity measures for regression conformal prediction", 2008).
    """

    members: tuple[Member, ...]
    difficulty: Member
    quantile: float
    coverage: float

    @property
    def boosters(self) -> tuple[Member, ...]:
        """Every booster, in the order of the margins' columns: the members, then the difficulty."""
        return (*self.members, self.difficulty)

    def price(self, margins: Matrix) -> Array:
        """Margins (n, members or boosters) to prices (n,), unrounded."""
        return self._average(self._respond(margins))

    def prices(self, margins: Matrix) -> Prices:
        """Margins (n, boosters) to prices with intervals, rounded to `DECIMALS`."""
        responses = self._respond(margins)
        price, width = self._average(responses), self.quantile * responses[:, -1]
        found = np.array([price, price - width, price + width])
        return Prices(*np.maximum(found, 0.0).round(DECIMALS))

    def _respond(self, margins: Matrix) -> Array:
        """`Member.respond` of every column at once."""
        centers, logs = self._scales
        some = margins.shape[1]
        responses = margins.astype(np.float64) + centers[:some]
        return np.exp(responses, out=responses, where=logs[:some])

    def _average(self, responses: Array) -> Array:
        """Added one after the other, as for a single house: another order could give another last digit."""
        weighted = responses[:, : len(self.members)] * self._weights
        return np.asarray(np.add.accumulate(weighted, axis=1)[:, -1])

    @cached_property
    def _weights(self) -> Array:
        return np.array([member.weight for member in self.members])

    @cached_property
    def _scales(self) -> tuple[Array, NDArray[np.bool_]]:
        centers = np.array([member.center for member in self.boosters])
        return centers, np.array([member.link == "log" for member in self.boosters])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Ensemble:
        """What `to_dict` made."""
        members: Sequence[Mapping[str, Any]] = saved["members"]
        return cls(
            members=tuple(Member(**member) for member in members),
            difficulty=Member(**saved["difficulty"]),
            quantile=saved["quantile"],
            coverage=saved["coverage"],
        )
