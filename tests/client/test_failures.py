"""Whatever answers, and from wherever: a failure is one of `casa.errors`, for threads and for asyncio."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from casa import AsyncClient, Client
from casa.client import Patience
from casa.errors import CasaError, InvalidHouse, MalformedRequest, Unavailable
from casa.house import HOUSE

EXAMPLE: dict[str, float | None] = {feature.name: feature.example for feature in HOUSE.features}
ONCE = Patience(tries=1)
DEEP = b"[" * 100_000

Ask = Callable[..., None]


def ask_in_thread(address: str, **options: Any) -> None:
    with Client(address, **options) as client:
        client.predict(EXAMPLE)


def ask_in_loop(address: str, **options: Any) -> None:
    async def ask() -> None:
        async with AsyncClient(address, **options) as client:
            await client.predict(EXAMPLE)

    asyncio.run(ask())


@pytest.fixture(params=[ask_in_thread, ask_in_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    way: Ask = request.param
    return way


@pytest.mark.parametrize(
    "address",
    [
        *("localhost:3000", "ftp://localhost", "//localhost", "", "http://[::1", "http://\0", "http://\ud800"),
        *("http://127.0.0.1:99999", "http://127.0.0.1:-1", "http://xn--0"),
    ],
)
def test_an_address_that_is_none_is_told(ask: Ask, address: str) -> None:
    with pytest.raises(MalformedRequest, match="cannot be sent"):
        ask(address)


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_host_that_can_have_no_address_is_told(ask: Ask, host: str) -> None:
    with pytest.raises(CasaError, match="cannot be"):
        ask(f"http://{host}", patience=ONCE)


def test_a_key_that_is_no_text_is_told(ask: Ask) -> None:
    with pytest.raises(MalformedRequest, match="cannot be sent"):
        ask("http://127.0.0.1:1", key="\ud800")


@pytest.mark.parametrize("body", [b"<html>", b"", b"null", b"{}", b"\xff", DEEP])
def test_a_page_in_place_of_an_answer_is_none_of_casas(ask: Ask, play: Any, body: bytes) -> None:
    with pytest.raises(Unavailable, match="no answer of Casa's"):
        ask(play((200, {}, body)).address, patience=ONCE)


def test_an_answer_that_cannot_be_unpacked_is_none_of_casas(ask: Ask, play: Any) -> None:
    with pytest.raises(Unavailable, match="no answer of Casa's"):
        ask(play((200, {"Content-Encoding": "gzip"}, b"no gzip")).address, patience=ONCE)


def test_what_is_no_answer_of_casas_is_asked_for_again(play: Any) -> None:
    waited: list[float] = []
    script = play((200, {}, b"<html>"), (200, {}, b'{"status": "ok"}'))
    patience = Patience(tries=2, random=Random(3))
    with Client(script.address, sleep=waited.append, patience=patience) as client, pytest.raises(Unavailable):
        client.health()
    assert (len(script.asked), len(waited)) == (2, 1)


@pytest.mark.parametrize("errors", [b"null", b'"boo"', b'["a"]', b"{}", b"7", b'[{"loc": 1}]', b'[{"msg": "m"}, null]'])
def test_flaws_that_are_none_are_left_out(ask: Ask, play: Any, errors: bytes) -> None:
    with pytest.raises(InvalidHouse, match="^the words$") as caught:
        ask(play((422, {}, b'{"detail": "the words", "errors": %b}' % errors)).address)
    assert caught.value.flaws == []


def test_a_refusal_nested_without_end_is_told_by_its_number(ask: Ask, play: Any) -> None:
    with pytest.raises(InvalidHouse, match="the server answered 422"):
        ask(play((422, {}, DEEP)).address)
