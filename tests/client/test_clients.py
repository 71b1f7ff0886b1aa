import asyncio
import os
import subprocess
import sys
import traceback
from random import Random
from typing import Any

import pytest

import casa
from casa import AsyncClient, Client
from casa.client import Patience
from casa.errors import (
    CasaError,
    DeadlineExceeded,
    InvalidHouse,
    InvalidKey,
    MalformedRequest,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from casa.house import HOUSE
from tests.client.script import Script
from tests.live import Live
from tests.servers import free_port

EXAMPLE: dict[str, float | None] = {feature.name: feature.example for feature in HOUSE.features}
HEALTH = b'{"status": "ok", "model_name": "casa", "model_version": "v", "uptime_seconds": 1.0}'


def busy(status: int = 503, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A refusal that asks to come back."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, b'{"detail": "come back later"}'


def patient(tries: int = 4) -> Patience:
    return Patience(tries=tries, random=Random(3))


def test_a_price_is_typed(client: Client) -> None:
    price = client.predict(EXAMPLE)
    assert price.interval.low <= price.prediction <= price.interval.high
    assert price.model_name == "casa"


def test_a_batch_is_split_to_the_row_limit_and_each_house_has_its_outcome(client: Client) -> None:
    houses = [EXAMPLE | {"RM": 4 + place / 20} for place in range(45)]
    outcomes = client.predict_batch(iter(houses))
    prices = [outcome.price.prediction for outcome in outcomes if outcome.price]
    assert prices == [client.predict(house).prediction for house in houses]
    assert [outcome.row for outcome in outcomes] == [*range(20), *range(20), *range(5)]
    assert len({outcome.request_id for outcome in outcomes}) == 3


def test_a_bad_house_spoils_only_itself_even_in_a_part_of_its_own(client: Client) -> None:
    bad = EXAMPLE | {"RM": 99.0}
    outcomes = client.predict_batch([EXAMPLE, bad, *[EXAMPLE] * 18, bad])
    assert [place for place, outcome in enumerate(outcomes) if outcome.price is None] == [1, 20]
    for place in (1, 20):
        assert [(flaw.loc, flaw.type) for flaw in outcomes[place].errors] == [(["RM"], "less_than_equal")]


def test_a_batch_of_nothing_calls_nobody() -> None:
    with Client("http://127.0.0.1:1") as client:
        assert client.predict_batch([]) == []


def test_an_explanation_adds_up(client: Client) -> None:
    explained = client.explain(EXAMPLE)
    total = explained.base_value + sum(explained.contributions.values())
    assert total == pytest.approx(explained.prediction, abs=1e-3)


def test_the_service_and_its_model_are_typed(client: Client) -> None:
    health, model = client.health(), client.model()
    assert (health.status, health.model_version) == ("ok", model.version)
    assert [feature.name for feature in model.features] == list(HOUSE.names)
    assert list(client.drift().features) == list(HOUSE.names)


def test_a_bad_house_is_told_in_the_servers_words(client: Client) -> None:
    with pytest.raises(InvalidHouse, match="1 value of the request cannot be used") as caught:
        client.predict(EXAMPLE | {"RM": 99.0})
    (flaw,) = caught.value.flaws
    assert (flaw["loc"], flaw["type"]) == (["RM"], "less_than_equal")


def test_a_missing_and_a_wrong_key_are_told(service: Live) -> None:
    with Client(service.address) as keyless, Client(service.address, key="casa_wrong") as wrong:
        assert keyless.health().status == "ok"
        with pytest.raises(InvalidKey, match="needs a key"):
            keyless.predict(EXAMPLE)
        with pytest.raises(InvalidKey, match="unknown, wrong, expired or revoked key"):
            wrong.predict(EXAMPLE)


def test_the_key_may_come_from_the_environment(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_API_KEY", service.key)
    with Client(service.address) as client:
        assert client.predict(EXAMPLE).prediction > 0


def test_a_key_is_not_shown(service: Live) -> None:
    with Client(service.address, key=service.key) as client:
        assert service.key not in repr(vars(client))


def test_asyncio_has_the_same_answers(service: Live, client: Client) -> None:
    async def ask() -> list[object]:
        async with AsyncClient(service.address, key=service.key, max_rows=20) as ours:
            price, explained = await asyncio.gather(ours.predict(EXAMPLE), ours.explain(EXAMPLE))
            batch = await ours.predict_batch([EXAMPLE] * 30)
            return [price.prediction, explained, batch[29].row, (await ours.health()).status, await ours.model()]

    price, explained, row, status, model = asyncio.run(ask())
    assert (price, row, status, model) == (client.predict(EXAMPLE).prediction, 9, "ok", client.model())
    assert explained.contributions == client.explain(EXAMPLE).contributions  # type: ignore[attr-defined]


def test_a_busy_server_is_asked_again_when_it_says(play: Any) -> None:
    script, waited = play(busy(429, Retry_After="7"), busy(503, Retry_After="2"), (200, {}, HEALTH)), []
    with Client(script.address, key="mine", sleep=waited.append, patience=patient()) as client:
        assert client.health().status == "ok"
    assert [7 <= waited[0] <= 7.2, 2 <= waited[1] <= 2.4] == [True, True]
    assert script.asked == [("/health", "mine")] * 3


def test_asyncio_waits_the_same(play: Any) -> None:
    script, waited = play(busy(Retry_After="1"), (200, {}, HEALTH)), []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def ask() -> str:
        async with AsyncClient(script.address, sleep=sleep, patience=patient()) as client:
            return (await client.health()).status

    assert (asyncio.run(ask()), 1 <= waited[0] <= 1.2) == ("ok", True)


def test_without_a_word_the_waits_grow_and_are_never_the_same_for_all(play: Any) -> None:
    script, waited = play(*[busy()] * 4), []
    with Client(script.address, sleep=waited.append, patience=patient()) as client, pytest.raises(Unavailable):
        client.health()
    assert all(0 <= seconds <= 0.1 * 2**tried for tried, seconds in enumerate(waited, start=1))
    assert len(set(waited)) == 3


def test_patience_ends(play: Any) -> None:
    script, waited = play(*[busy(429, Retry_After="1")] * 2), []
    client = Client(script.address, sleep=waited.append, patience=patient(tries=2))
    with client, pytest.raises(QuotaExceeded, match="come back later") as caught:
        client.health()
    assert (caught.value.retry_after, len(waited)) == (1, 1)


@pytest.mark.parametrize("asked", ["31", "99999999"])
def test_who_is_asked_to_wait_too_long_is_told_so_at_once(play: Any, asked: str) -> None:
    script, waited = play(busy(Retry_After=asked)), []
    with Client(script.address, sleep=waited.append) as client, pytest.raises(Unavailable, match="come back later"):
        client.health()
    assert waited == []


@pytest.mark.parametrize("asked", ["soon", "-1", "1e9", "9" * 99, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wait_that_is_no_number_of_seconds_is_ours_to_choose(play: Any, asked: str) -> None:
    script, waited = play(busy(Retry_After=asked), (200, {}, HEALTH)), []
    with Client(script.address, sleep=waited.append) as client:
        client.health()
    assert len(waited) == 1
    assert 0 <= waited[0] <= 0.2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 411, 413, 415, 422, 431, 500, 504])
def test_other_failures_are_told_at_once_as_what_they_are(play: Any, status: int) -> None:
    script = play((status, {}, b'{"detail": "the words", "errors": []}'))
    with Client(script.address) as client, pytest.raises(CasaError, match="^the words$") as caught:
        client.health()
    assert caught.value.status == status


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"detail": ""}', b"\xff"])
def test_a_proxys_own_answer_is_told_by_its_number(play: Any, body: bytes) -> None:
    script = play((404, {}, body))
    with Client(script.address) as client, pytest.raises(NotFound, match="the server answered 404"):
        client.health()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    waited: list[float] = []
    address = f"http://127.0.0.1:{free_port()}"
    with Client(address, sleep=waited.append) as client, pytest.raises(Unavailable, match="cannot be reached"):
        client.health()
    assert len(waited) == 3


def test_asyncio_finds_it_unavailable_too() -> None:
    async def ask() -> None:
        async with AsyncClient(f"http://127.0.0.1:{free_port()}", patience=patient(tries=1)) as client:
            await client.health()

    with pytest.raises(Unavailable, match="cannot be reached"):
        asyncio.run(ask())


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    silent = Script()
    client = Client(silent.address, timeout_seconds=0.05)
    with silent, client, pytest.raises(DeadlineExceeded, match="did not answer in time"):
        client.health()


def test_a_key_that_cannot_be_sent_is_not_shown(service: Live) -> None:
    with Client(service.address, key="two\nlines") as client, pytest.raises(MalformedRequest) as caught:
        client.health()
    assert "lines" not in "".join(traceback.format_exception(caught.value)).replace(__file__, "")


def test_importing_casa_loads_nothing() -> None:
    code = "import casa, sys; assert casa.__version__; print([m for m in ('httpx', 'numpy') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True)
    assert run.stdout == "[]\n"
    with pytest.raises(AttributeError, match="has no attribute 'Castle'"):
        casa.Castle  # type: ignore[attr-defined]  # noqa: B018
