import asyncio
from collections.abc import Sequence

import pytest

from casa.house import HOUSE
from casa.model.pricer import FEW, Pricer
from casa.transports.asker import Asker
from casa.transports.batcher import Batcher
from casa.transports.desk import Content, Desk
from pipeline.train import Rows

EXAMPLE = [feature.example for feature in HOUSE.features]


async def ask(desk: Desk, houses: Sequence[Sequence[float]], *, leaving: int = -1) -> list[Content | BaseException]:
    """The answers to calls of one turn; one caller leaves before the turn ends."""
    batcher = Batcher(desk)
    calls = [asyncio.create_task(batcher.price(house, Asker(str(place)))) for place, house in enumerate(houses)]
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
