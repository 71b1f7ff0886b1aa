"""A window: what the rows of some time leave behind, in counts and sums alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from casa.house import Array

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Rows by the bins of one reference. Windows add up: over hours, replicas and restarts.

    The columns are the features in their order, then the price.
    """

    counts: Counts
    """Rows (columns, bins), the last bin for missing values."""
    sums: Array
    """Sums of the known values (columns,)."""
    outside: Counts
    """Values outside the training data (columns,)."""
    squared_widths: float
    """Sum of the intervals' squared half widths, in (thousands of dollars)²."""

    @property
    def rows(self) -> int:
        """How many rows it holds: each is in one bin of every column."""
        return int(self.counts[0].sum())

    def __add__(self, other: Window) -> Window:
        return Window(
            self.counts + other.counts,
            self.sums + other.sums,
            self.outside + other.outside,
            self.squared_widths + other.squared_widths,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        return {
            "counts": self.counts.tolist(),
            "sums": self.sums.tolist(),
            "outside": self.outside.tolist(),
            "squared_widths": self.squared_widths,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """What `to_dict` made."""
        return cls(
            np.array(saved["counts"], dtype=np.int64),
            np.array(saved["sums"], dtype=np.float64),
            np.array(saved["outside"], dtype=np.int64),
            float(saved["squared_widths"]),
        )
