"""The content of every answer about prices, the same for every way a call comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Prices
from casa.transports.batch import Batch
from casa.transports.problem import MOST_FLAWS

if TYPE_CHECKING:  # slow to import, and not needed to describe the interface
    from casa.model.pricer import HouseWarning, Pricer

SHARE_DECIMALS = 6
"""Finer than a price's, so that thirteen rounded shares still add up to it."""

Content = dict[str, Any]  # JSON values


class Desk:
    """Prices checked houses and says what callers are told of them."""

    def __init__(self, pricer: Pricer, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._pricer = pricer
        self._clock = clock
        self._coverage = pricer.coverage
        self._model = {
            "model_name": bundle.NAME,
            "model_version": pricer.bundle.version,
            "features_used": list(pricer.bundle.features_used),
        }

    def price(self, house: Sequence[float], *, request_id: str) -> Content:
        """The answer for one house (features,), NaN for a value left out, in the shape of `Price`."""
        start = self._clock()
        price, low, high = self._pricer.price_one(house)
        taken = self._clock() - start
        return {**self._told(price, low, high, self._pricer.warnings(house)), **self._closing(taken, request_id)}

    def explain(self, house: Sequence[float], *, request_id: str) -> Content:
        """Why one house (features,) costs what it does, in the shape of `Explanation`."""
        base, contributions = self._pricer.explain(np.array([house]))
        shares = zip(HOUSE.names, contributions[0].tolist(), strict=True)
        return {
            "prediction": self._pricer.price_one(house).price,
            "base_value": round(float(base[0]), SHARE_DECIMALS),
            "contributions": {name: round(share, SHARE_DECIMALS) for name, share in shares},
            "model_name": self._model["model_name"],
            "model_version": self._model["model_version"],
            "request_id": request_id,
        }

    def prices(self, batch: Batch, *, request_id: str) -> Content:
        """The answer for a batch, in the shape of `Prices`."""
        start = self._clock()
        found = self._pricer.price(batch.houses)
        taken = self._clock() - start
        told = self._rows(batch.houses, found)
        predictions = dict(zip(batch.places, told, strict=True))
        return {
            "predictions": [predictions.get(place) for place in range(batch.size)],
            "errors": [{"index": place, "errors": flaws[:MOST_FLAWS]} for place, flaws in batch.spoiled.items()],
            **self._closing(taken, request_id),
        }

    def _rows(self, houses: Array, found: Prices) -> list[Content]:
        columns = zip(*(column.tolist() for column in found), strict=True)
        told = [self._told(price, low, high, []) for price, low, high in columns]
        for place in np.flatnonzero(self._pricer.unusual(houses)).tolist():
            told[place]["warnings"] = self._pricer.warnings(houses[place].tolist())
        return told

    def _told(self, price: float, low: float, high: float, warnings: list[HouseWarning]) -> Content:
        return {
            "prediction": price,
            "interval": {"low": low, "high": high, "coverage": self._coverage},
            "warnings": warnings,
        }

    def _closing(self, seconds: float, request_id: str) -> Content:
        return {**self._model, "inference_time": round(seconds * 1000, 3), "request_id": request_id}
