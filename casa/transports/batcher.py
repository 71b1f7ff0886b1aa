"""Single houses, whoever sent them, are answered together. The field calls it dynamic batching.

Nothing is waited for that is not waited for anyway: prices are given after two turns of the event loop, explanations in
the turn of the one that has waited longest. A house alone takes 25 µs to price; of sixteen together, each takes 8. An
explanation alone takes 0.95 ms; of eight together, each takes half.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from casa.transports.asker import Asker
from casa.transports.desk import Content, House
from casa.transports.turns import Turns

MOST_LONG = 8
"""As many explanations keep the event loop for as long as a batch of a thousand houses, or less."""

AnswerEach = Callable[[Sequence[House], Sequence[Asker]], list[Content]]


class Waiting(NamedTuple):
    """One house that is to be answered."""

    house: House
    asker: Asker
    answer: asyncio.Future[Content]


class Batcher:
    """Collects single houses during two turns of the event loop.

    The second turn takes in the calls whose bytes arrived while those of the first were read; with sixteen callers
    that is a quarter more prices a second.
    """

    def __init__(self, answer_each: AnswerEach) -> None:
        self._answer_each = answer_each
        self._waiting: list[Waiting] = []

    async def ask(self, house: House, asker: Asker) -> Content:
        """The answer for one house (features,), NaN for a value left out: what it would be alone, to the last digit."""
        if not self._waiting:
            loop = asyncio.get_running_loop()
            # After all calls that are read in this turn and the next.
            loop.call_soon(loop.call_soon, self._settle, sys.maxsize)
        return await self._enter(house, asker)

    def _enter(self, house: House, asker: Asker) -> asyncio.Future[Content]:
        answer: asyncio.Future[Content] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(house, asker, answer))
        return answer

    def _settle(self, most: int) -> None:
        """Answer those who have waited longest, all of them or so many."""
        waiting = [one for one in self._waiting if not one.answer.done()]  # some callers are gone
        some, self._waiting = waiting[:most], waiting[most:]
        if not some:
            return
        houses, askers, answers = zip(*some, strict=True)
        try:
            contents = self._answer_each(houses, askers)
        except Exception as error:  # noqa: BLE001 - it is each caller's to handle
            for answer in answers:
                answer.set_exception(error)
            return
        for answer, content in zip(answers, contents, strict=True):
            answer.set_result(content)


class LongBatcher(Batcher):
    """Collects houses that take long to answer, while they wait for their turn: whoever has it takes others along."""

    def __init__(self, answer_each: AnswerEach, turns: Turns) -> None:
        super().__init__(answer_each)
        self._turns = turns

    async def ask(self, house: House, asker: Asker) -> Content:
        """As `Batcher.ask`; Unavailable if a turn would take too long to come."""
        answer = self._enter(house, asker)
        try:
            async with self._turns.take():
                if not answer.done():
                    self._settle(MOST_LONG)
            return answer.result()
        finally:
            answer.cancel()  # nobody waits for it any more
