"""Which values of a house lie outside the training data, as one number: a bit for each feature, the first the least."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from casa.house import Array


class Bounds:
    """The least and the greatest value that training has seen of each feature (features,)."""

    def __init__(self, low: Array, high: Array) -> None:
        self._low, self._high = low, high
        self._bits = 1 << np.arange(len(low))

    def outside(self, houses: Array) -> list[int]:
        """A number for each of the houses (n, features); a value that was left out (NaN) lies nowhere."""
        found: list[int] = (((houses < self._low) | (houses > self._high)) @ self._bits).tolist()
        return found


def places(outside: int) -> Iterator[int]:
    """The places of the features that such a number names."""
    return (place for place in range(outside.bit_length()) if outside >> place & 1)
