"""The BentoML service: Casa's typed interface. Each method is a line that calls `casa`."""

from __future__ import annotations

import bentoml

from casa.house import House
from casa.sale import Sale
from casa.transports import bento
from casa.transports.schema import Explanation, Houses, Price, Prices, Sold


@bentoml.service(
    name="casa",
    service_class=bento.FrontedService,
    workers=1,
    http={"host": "127.0.0.1", "port": 3000},
    traffic={"timeout": 5},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class Casa:
    """House prices with intervals, from a model that can say where it comes from."""

    def __init__(self) -> None:
        self.running = bento.Running()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Keys are followed and gRPC is answered from now on."""
        await self.running.open()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Running calls end first."""
        await self.running.close()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML's decorators are not typed
    @staticmethod
    def check() -> None:
        """Nothing is started that could not serve."""
        bento.check()

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(self, house: House, /) -> Price:
        """The price of one house, with an interval that holds it as often as it says."""
        return self.running.typed.price(house)

    @bentoml.api(route="/explain")  # type: ignore[untyped-decorator]
    async def explain(self, house: House, /) -> Explanation:
        """The price of one house, and how much each feature adds to it."""
        return await self.running.typed.explain(house)

    @bentoml.api(route="/predict/batch")  # type: ignore[untyped-decorator]
    async def predict_batch(self, houses: Houses, /) -> Prices:
        """The prices of many houses; a bad row spoils only itself."""
        return self.running.typed.prices(houses)

    @bentoml.api(route="/feedback")  # type: ignore[untyped-decorator]
    async def feedback(self, sale: Sale, /) -> Sold:
        """What a house really sold for; a second price replaces the first."""
        return await self.running.typed.keep(sale)
