"""The typed methods' answers: what BentoML has parsed, priced as every other call is."""

from __future__ import annotations

from casa.house import House
from casa.sale import Sale
from casa.transports import parse
from casa.transports.batch import batch
from casa.transports.schema import Explanation, Houses, Price, Prices, Sold
from casa.transports.serving import Serving
from casa.transports.visit import current


class Typed:
    """The calls of `service.py`, by one model at work."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def price(self, house: House) -> Price:
        """The price of one house."""
        return Price.model_validate(self._serving.desk.price(parse.values(house), current()))

    async def explain(self, house: House) -> Explanation:
        """The price of one house and its shares."""
        return Explanation.model_validate(await self._serving.explanations.ask(parse.values(house), current()))

    def prices(self, houses: Houses) -> Prices:
        """The prices of many houses."""
        return Prices.model_validate(self._serving.desk.prices(batch(houses.instances), current()))

    async def keep(self, sale: Sale) -> Sold:
        """What a house really sold for."""
        return Sold.model_validate(await self._serving.keep_sale(sale, current()))
