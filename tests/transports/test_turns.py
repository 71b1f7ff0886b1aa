"""Long calls take turns; what would wait for too long is refused before anything is spent on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import orjson
import pytest

from casa.errors import Unavailable
from casa.transports.http import PAUSE_SECONDS
from casa.transports.turns import FIRST_SECONDS, Backlog, Turns
from tests.transports.caller import EXAMPLE, Caller

ROWS = {"instances": [EXAMPLE]}
TENSOR = {"inputs": [{"name": "houses", "datatype": "FP64", "shape": [1, 13], "data": [0.5] * 13}], "pad": " " * 5000}


@contextmanager
def busy(caller: Caller) -> Iterator[None]:
    """More long calls wait than may."""
    backlog = caller.app.serving.turns.backlog  # type: ignore[union-attr]  # it is started
    backlog.calls += 1_000_000
    yield
    backlog.calls -= 1_000_000


def test_as_many_may_wait_as_are_answered_in_time() -> None:
    backlog = Backlog(most_seconds=10 * FIRST_SECONDS)
    for _ in range(11):
        backlog.enter()
    with pytest.raises(Unavailable):
        backlog.enter()
    backlog.leave()
    backlog.enter()


def test_fewer_may_wait_where_turns_take_longer() -> None:
    backlog = Backlog(most_seconds=5.0)
    for _ in range(100):
        backlog.learn(4.0)
    backlog.enter()
    backlog.enter()
    with pytest.raises(Unavailable) as refused:
        backlog.enter()
    assert refused.value.retry_after == 8


def test_one_alone_is_never_refused() -> None:
    backlog = Backlog(most_seconds=0.001)
    for _ in range(100):
        backlog.learn(60.0)
    backlog.enter()


async def call(turns: Turns, name: str, heard: list[str]) -> None:
    async with turns.take():
        heard.append(name)


async def tick(heard: list[str]) -> None:
    for _ in range(20):
        heard.append(".")
        await asyncio.sleep(0)


async def together(turns: Turns) -> str:
    heard: list[str] = []
    await asyncio.gather(*(call(turns, name, heard) for name in "abc"), tick(heard))
    return "".join(heard)


def test_turns_are_taken_in_order_and_the_loop_goes_on_between_them() -> None:
    heard = asyncio.run(together(Turns(most_seconds=1.0)))
    assert heard.replace(".", "") == "abc"
    assert ".b" in heard
    assert ".c" in heard


def test_who_gives_up_waiting_keeps_nobody_out() -> None:
    async def give_up(turns: Turns) -> None:
        async with turns.take():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call(turns, "b", []), 0.01)
        assert turns.backlog.calls == 0
        await call(turns, "c", [])

    asyncio.run(give_up(Turns(most_seconds=1.0)))


@pytest.mark.parametrize(
    ("path", "content"), [("/predict/batch", ROWS), ("/explain", EXAMPLE), ("/v2/models/casa/infer", TENSOR)]
)
def test_a_long_call_that_would_wait_for_too_long_is_refused(caller: Caller, path: str, content: Any) -> None:
    with busy(caller):
        answer = caller.post(path, content)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert caller.post(path, content).status_code != 503


def test_a_refused_call_costs_neither_a_key_nor_a_body(hot: Caller) -> None:
    with busy(hot):
        assert hot.post("/predict/batch", b"no JSON", x_api_key="no key").status_code == 503


def test_everything_else_is_answered_while_long_calls_wait(caller: Caller) -> None:
    with busy(caller):
        for path in ("/livez", "/readyz", "/health", "/metrics", "/model", "/v2/health/ready"):
            assert caller.get(path).status_code == 200
        assert caller.predict().status_code == 200


def exchange(caller: Caller, *after: dict[str, Any]) -> float:
    """How long a refused call keeps its connection."""
    body = orjson.dumps(ROWS)
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    begin = monotonic()
    with busy(caller):
        start, told, end = caller.exchange("/predict/batch", fields=fields, chunks=[request(body), *after])
    assert (start["status"], told["more_body"], end["more_body"]) == (503, True, False)
    return monotonic() - begin


def request(body: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": False}


def test_a_connection_rests_after_a_refusal_for_load(hot: Caller) -> None:
    assert exchange(hot) >= PAUSE_SECONDS


def test_a_rest_ends_with_its_connection(hot: Caller) -> None:
    assert exchange(hot, {"type": "http.disconnect"}) < PAUSE_SECONDS


def test_a_large_body_of_a_refused_call_does_not_cost_the_connection(hot: Caller) -> None:
    fields = [(b"content-type", b"application/json"), (b"content-length", b"1000000")]
    chunks = [{"type": "http.request", "body": bytes(100_000), "more_body": left > 0} for left in range(9, -1, -1)]
    with busy(hot):
        start, *_ = hot.exchange("/predict/batch", fields=fields, chunks=[*chunks, {"type": "http.disconnect"}])
    assert (b"connection", b"close") not in start["headers"]
