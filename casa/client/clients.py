"""The clients: `Client` takes a call's steps in a thread, `AsyncClient` in an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Self, TypeVar, Unpack

import httpx

from casa.client.attempts import Reply, Step, Steps, Wait
from casa.client.calls import ADDRESS, Calls, Options
from casa.client.outcomes import Outcome
from casa.client.wire import House
from casa.transports.schema import Drift, Explanation, Health, ModelFacts, Monitoring, Price, Sold

T = TypeVar("T")


class Client:
    """Calls Casa from a thread, and tries again where the server asks for it. Failures are `casa.errors`."""

    def __init__(
        self, address: str = ADDRESS, *, sleep: Callable[[float], object] = time.sleep, **options: Unpack[Options]
    ) -> None:
        """What the `options` mean and are by default is said by `Calls`; InvalidSettings for one out of its range."""
        self._calls = Calls(address, **options)
        self._http = httpx.Client()
        self._sleep = sleep

    def predict(self, house: House) -> Price:
        """One house's price, in thousands of US dollars; InvalidHouse says what is wrong with it."""
        return self._take(self._calls.predict(house))

    def predict_batch(self, houses: Iterable[House]) -> list[Outcome]:
        """An outcome for each house, in their order, in as many calls as the row limit makes of them.

        A house that cannot be priced spoils only itself: its outcome says what is wrong with it.
        """
        return self._take(self._calls.predict_batch(houses))

    def explain(self, house: House) -> Explanation:
        """How much each feature adds to one house's price."""
        return self._take(self._calls.explain(house))

    def give_feedback(self, request_id: str, price: float, *, row: int = 0) -> Sold:
        """What a house really sold for, in thousands of dollars.

        NotFound if this client was told no such price, InvalidHouse for a price or row that can be none.
        """
        return self._take(self._calls.give_feedback(request_id, price, row=row))

    def health(self) -> Health:
        """What is served, and since when. Needs no key."""
        return self._take(self._calls.health())

    def model(self) -> ModelFacts:
        """The model: its features, how good it is, where it comes from."""
        return self._take(self._calls.model())

    def monitoring(self) -> Monitoring:
        """What the calls of all replicas add up to. Needs the scope `monitor`."""
        return self._take(self._calls.monitoring())

    def drift(self) -> Drift:
        """How far the houses have moved from those of the training. Needs no key unless the operator wants one."""
        return self._take(self._calls.drift())

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, steps: Steps[T]) -> T:
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            reply = self._do(step)

    def _do(self, step: Step) -> Reply:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        try:
            return self._http.send(step)
        except (httpx.RequestError, UnicodeError) as error:
            return error


class AsyncClient:
    """Calls Casa from asyncio, as `Client` does from a thread."""

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Unpack[Options],
    ) -> None:
        """What the `options` mean and are by default is said by `Calls`; InvalidSettings for one out of its range."""
        self._calls = Calls(address, **options)
        self._http = httpx.AsyncClient()
        self._sleep = sleep

    async def predict(self, house: House) -> Price:
        """One house's price, in thousands of US dollars; InvalidHouse says what is wrong with it."""
        return await self._take(self._calls.predict(house))

    async def predict_batch(self, houses: Iterable[House]) -> list[Outcome]:
        """An outcome for each house, in their order, in as many calls as the row limit makes of them.

        A house that cannot be priced spoils only itself: its outcome says what is wrong with it.
        """
        return await self._take(self._calls.predict_batch(houses))

    async def explain(self, house: House) -> Explanation:
        """How much each feature adds to one house's price."""
        return await self._take(self._calls.explain(house))

    async def give_feedback(self, request_id: str, price: float, *, row: int = 0) -> Sold:
        """What a house really sold for, in thousands of dollars.

        NotFound if this client was told no such price, InvalidHouse for a price or row that can be none.
        """
        return await self._take(self._calls.give_feedback(request_id, price, row=row))

    async def health(self) -> Health:
        """What is served, and since when. Needs no key."""
        return await self._take(self._calls.health())

    async def model(self) -> ModelFacts:
        """The model: its features, how good it is, where it comes from."""
        return await self._take(self._calls.model())

    async def monitoring(self) -> Monitoring:
        """What the calls of all replicas add up to. Needs the scope `monitor`."""
        return await self._take(self._calls.monitoring())

    async def drift(self) -> Drift:
        """How far the houses have moved from those of the training. Needs no key unless the operator wants one."""
        return await self._take(self._calls.drift())

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _take(self, steps: Steps[T]) -> T:
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            reply = await self._do(step)

    async def _do(self, step: Step) -> Reply:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        try:
            return await self._http.send(step)
        except (httpx.RequestError, UnicodeError) as error:
            return error
