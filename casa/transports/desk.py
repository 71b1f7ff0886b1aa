"""The content of every answer about prices, the same for every way a call comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Prices
from casa.monitoring.priced import Priced
from casa.transports.asker import Asker
from casa.transports.batch import Batch
from casa.transports.problem import MOST_FLAWS

if TYPE_CHECKING:  # slow to import, and not needed to describe the interface
    from casa.model.pricer import HouseWarning, Pricer, Quote

SHARE_DECIMALS = 6
"""Finer than a price's, so that thirteen rounded shares still add up to it."""

Content = dict[str, Any]  # JSON values
House = Sequence[float]


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

    def price(self, house: House, asker: Asker) -> Content:
        """The answer for one house (features,), NaN for a value left out, in the shape of `Price`."""
        (content,) = self.price_each([house], [asker])
        return content

    def price_each(self, houses: Sequence[House], askers: Sequence[Asker]) -> list[Content]:
        """The answers for the houses (n, features) of n calls."""
        start = self._clock()
        quotes = self._pricer.quote_each(houses)
        milliseconds = round((self._clock() - start) * 1000, 3)
        return [self._answer(*one, milliseconds) for one in zip(quotes, houses, askers, strict=True)]

    def explain_each(self, houses: Sequence[House], askers: Sequence[Asker]) -> list[Content]:
        """Why the houses (n, features) of n calls cost what they do, each in the shape of `Explanation`."""
        base, contributions = self._pricer.explain(np.array(houses))
        shares = zip(base.tolist(), contributions.tolist(), strict=True)
        quotes = self._pricer.quote_each(houses)
        return [self._explained(*one) for one in zip(quotes, shares, houses, askers, strict=True)]

    def prices(self, batch: Batch, asker: Asker) -> Content:
        """The answer for a batch, in the shape of `Prices`."""
        start = self._clock()
        found = self._pricer.price(batch.houses)
        milliseconds = round((self._clock() - start) * 1000, 3)
        asker.priced = Priced.many(batch.houses, found, batch.places)
        rows = self._rows(batch.houses, found)
        told = dict(zip(batch.places, rows, strict=True)) if batch.spoiled else {}
        return {
            "predictions": [told.get(place) for place in range(batch.size)] if told else rows,
            "errors": [{"index": place, "errors": flaws[:MOST_FLAWS]} for place, flaws in batch.spoiled.items()],
            **self._model,
            "inference_time": milliseconds,
            "request_id": asker.request_id,
        }

    def _rows(self, houses: Array, found: Prices) -> list[Content]:
        columns = (column.tolist() for column in found)
        return list(map(self._told, *columns, self._pricer.warnings_each(houses)))

    def _answer(self, quote: Quote, house: House, asker: Asker, milliseconds: float) -> Content:
        asker.priced = Priced.one(house, *quote[:3])
        content = self._told(*quote)
        content |= self._model
        content["inference_time"] = milliseconds
        content["request_id"] = asker.request_id
        return content

    def _explained(self, quote: Quote, shares: tuple[float, list[float]], house: House, asker: Asker) -> Content:
        base, contributions = shares
        asker.priced = Priced.one(house, *quote[:3])
        told = zip(HOUSE.names, contributions, strict=True)
        return {
            "prediction": quote.price,
            "base_value": round(base, SHARE_DECIMALS),
            "contributions": {name: round(share, SHARE_DECIMALS) for name, share in told},
            "model_name": self._model["model_name"],
            "model_version": self._model["model_version"],
            "request_id": asker.request_id,
        }

    def _told(self, price: float, low: float, high: float, warnings: list[HouseWarning]) -> Content:
        return {
            "prediction": price,
            "interval": {"low": low, "high": high, "coverage": self._coverage},
            "warnings": warnings,
        }
