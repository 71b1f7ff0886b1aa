import asyncio
import math
from collections.abc import Sequence

import pytest

from casa.errors import Unavailable
from casa.house import HOUSE
from casa.model.pricer import FEW, Pricer
from casa.transports.asker import Asker
from casa.transports.batcher import MOST_LONG, Batcher, LongBatcher
from casa.transports.desk import Content, Desk
from casa.transports.turns import Turns
from pipeline.train import Rows

EXAMPLE = [feature.example for feature in HOUSE.features]


async def ask(
    desk: Desk, houses: Sequence[Sequence[float]], *, batcher: Batcher | None = None, leaving: int = -1
) -> list[Content | BaseException]:
    """The answers to calls of one turn; one caller leaves before the turn ends."""
    asked = batcher or Batcher(desk.price_each)
    calls = [asyncio.create_task(asked.ask(house, Asker(str(place)))) for place, house in enumerate(houses)]
    await asyncio.sleep(0)
    if leaving >= 0:
        calls[leaving].cancel()
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
def test_houses_of_one_turn_cost_what_they_cost_alone(count: int, pricer: Pricer, table: Rows) -> None:
    desk = Desk(pricer, clock=lambda: 0.0)
    houses = [*table.houses[: count - 1].tolist(), [500.0, *EXAMPLE[1:]]]
    expected = [desk.price(house, Asker(str(place))) for place, house in enumerate(houses)]
    assert asyncio.run(ask(desk, houses)) == expected
    assert expected[-1]["warnings"]


def test_houses_of_one_turn_are_priced_together(pricer: Pricer) -> None:
    times = iter(range(100))
    contents = asyncio.run(ask(Desk(pricer, clock=lambda: next(times)), [EXAMPLE] * 8))
    assert next(times) == 2, "the clock is read before and after one pricing"
    assert {content["inference_time"] for content in contents} == {1000}


def test_a_caller_who_leaves_takes_nobody_along(pricer: Pricer) -> None:
    contents = asyncio.run(ask(Desk(pricer), [EXAMPLE] * 5, leaving=2))
    assert isinstance(contents.pop(2), asyncio.CancelledError)
    assert [content["request_id"] for content in contents] == ["0", "1", "3", "4"]


def test_a_bug_reaches_every_caller(pricer: Pricer) -> None:
    contents = asyncio.run(ask(Desk(pricer, clock=lambda: 1 / 0), [EXAMPLE] * 5, leaving=0))
    assert [type(content) for content in contents[1:]] == [ZeroDivisionError] * 4


class Explaining(Desk):
    """A desk that notes how many houses it explains at once."""

    def __init__(self, pricer: Pricer) -> None:
        super().__init__(pricer)
        self.sizes: list[int] = []

    def explain_each(self, houses: Sequence[Sequence[float]], askers: Sequence[Asker]) -> list[Content]:
        self.sizes.append(len(houses))
        return super().explain_each(houses, askers)


def explain(
    desk: Desk, houses: Sequence[Sequence[float]], *, turns: Turns | None = None, leaving: int = -1
) -> list[Content | BaseException]:
    """The answers to explanations that wait at the same time."""

    async def asked() -> list[Content | BaseException]:
        batcher = LongBatcher(desk.explain_each, turns or Turns(most_seconds=60))
        return await ask(desk, houses, batcher=batcher, leaving=leaving)

    return asyncio.run(asked())


def test_houses_explained_together_are_told_what_they_are_told_alone(pricer: Pricer, table: Rows) -> None:
    desk, houses = Explaining(pricer), [*table.houses[:20].tolist(), [math.nan, *EXAMPLE[1:]]]
    together = explain(desk, houses)
    assert desk.sizes == [MOST_LONG, MOST_LONG, 5]
    assert together == [desk.explain_each([house], [Asker(str(place))])[0] for place, house in enumerate(houses)]


def test_a_caller_who_leaves_is_not_explained_anything(pricer: Pricer) -> None:
    desk = Explaining(pricer)
    contents = explain(desk, [EXAMPLE] * (MOST_LONG + 3), leaving=MOST_LONG)
    assert isinstance(contents.pop(MOST_LONG), asyncio.CancelledError)
    assert desk.sizes == [MOST_LONG, 2]
    assert [content["request_id"] for content in contents[-2:]] == ["9", "10"]


def test_who_is_refused_a_turn_is_not_explained_anything(pricer: Pricer) -> None:
    desk, turns = Explaining(pricer), Turns(most_seconds=0.05)
    contents = explain(desk, [EXAMPLE] * 10, turns=turns)
    refused = [isinstance(content, Unavailable) for content in contents]
    assert (sum(refused), sum(desk.sizes)) == (4, 6)
    assert turns.backlog.calls == 0


def test_a_bug_in_an_explanation_reaches_all_who_share_its_turn(pricer: Pricer) -> None:
    class Broken(Desk):
        def explain_each(self, *_: object) -> list[Content]:
            raise ZeroDivisionError

    assert [type(content) for content in explain(Broken(pricer), [EXAMPLE] * 3)] == [ZeroDivisionError] * 3
