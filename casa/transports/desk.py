"""The content of every answer about prices, the same for every way a call comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Prices
from casa.monitoring.answers import Priced
from casa.transports.asker import Asker
from casa.transports.batch import Batch
from casa.transports.problem import MOST_FLAWS

if TYPE_CHECKING:  # slow to import, and not needed to describe the interface
    from casa.model.pricer import HouseWarning, Pricer, Quote

SHARE_DECIMALS = 6
"""Finer than a price's, so that thirteen rounded shares still add up to it."""

Content = dict[str, Any]  # JSON values


class Desk:
    """Prices checked houses, says what callers are told of them, and notes on the call what was priced."""

    def __init__(self, pricer: Pricer, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._pricer = pricer
        self._clock = clock
        self._coverage = pricer.coverage
        self._model = {
            "model_name": bundle.NAME,
            "model_version": pricer.bundle.version,
            "features_used": list(pricer.bundle.features_used),
        }

    def price(self, house: Sequence[float], asker: Asker) -> Content:
        """The answer for one house (features,), NaN for a value left out, in the shape of `Price`."""
        (content,) = self.price_each([house], [asker])
        return content

    def price_each(self, houses: Sequence[Sequence[float]], askers: Sequence[Asker]) -> list[Content]:
        """The answers for the houses (n, features) of n calls."""
        start = self._clock()
        quotes = self._pricer.quote_each(houses)
        milliseconds = round((self._clock() - start) * 1000, 3)
        return [self._answer(*one, milliseconds) for one in zip(quotes, houses, askers, strict=True)]

    def explain(self, house: Sequence[float], asker: Asker) -> Content:
        """Why one house (features,) costs what it does, in the shape of `Explanation`."""
        base, contributions = self._pricer.explain(np.array([house]))
        shares = zip(HOUSE.names, contributions[0].tolist(), strict=True)
        price = self._pricer.price_one(house)
        asker.priced = Priced((house,), tuple((value,) for value in price))
        return {
            "prediction": price.price,
            "base_value": round(float(base[0]), SHARE_DECIMALS),
            "contributions": {name: round(share, SHARE_DECIMALS) for name, share in shares},
            "model_name": self._model["model_name"],
            "model_version": self._model["model_version"],
            "request_id": asker.request_id,
        }

    def prices(self, batch: Batch, asker: Asker) -> Content:
        """The answer for a batch, in the shape of `Prices`."""
        start = self._clock()
        found = self._pricer.price(batch.houses)
        milliseconds = round((self._clock() - start) * 1000, 3)
        asker.priced = Priced(batch.houses, found, batch.places)
        predictions = dict(zip(batch.places, self._rows(batch.houses, found), strict=True))
        return {
            "predictions": [predictions.get(place) for place in range(batch.size)],
            "errors": [{"index": place, "errors": flaws[:MOST_FLAWS]} for place, flaws in batch.spoiled.items()],
            **self._model,
            "inference_time": milliseconds,
            "request_id": asker.request_id,
        }

    def _rows(self, houses: Array, found: Prices) -> list[Content]:
        columns = (column.tolist() for column in found)
        rows = zip(*columns, self._pricer.warnings_each(houses), strict=True)
        return [self._told(price, low, high, warnings) for price, low, high, warnings in rows]

    def _answer(self, quote: Quote, house: Sequence[float], asker: Asker, milliseconds: float) -> Content:
        price, low, high, warnings = quote
        asker.priced = Priced((house,), ((price,), (low,), (high,)))
        content = self._told(price, low, high, warnings)
        content |= self._model
        content["inference_time"] = milliseconds
        content["request_id"] = asker.request_id
        return content

    def _told(self, price: float, low: float, high: float, warnings: list[HouseWarning]) -> Content:
        return {
            "prediction": price,
            "interval": {"low": low, "high": high, "coverage": self._coverage},
            "warnings": warnings,
        }
