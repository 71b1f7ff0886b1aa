"""Quotas: one suite for the counts in memory and those in Redis."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from casa.access.quota import Charge, LocalQuota, Quota, parse_quota, price_units
from casa.access.shared_quota import SharedQuota
from casa.errors import InvalidSettings, QuotaExceeded
from casa.monitoring.metrics import Metrics
from tests.servers import RedisServer

NOON = 1_777_636_800.0
THREE = Quota(3, 60)
Take = Callable[..., Charge]


@pytest.fixture(params=["memory", "redis"])
def take(request: pytest.FixtureRequest) -> Iterator[Take]:
    """Takes a number of hundredths of a quota from a client, at a second after noon."""
    if request.param == "memory":
        yield _local()
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    with asyncio.Runner() as runner:
        shared = SharedQuota(server.url, LocalQuota(), metrics=Metrics(), clock=monotonic)
        yield lambda quota, units=100, second=0.0, client="acme": runner.run(
            shared.take(client, quota, units, now=NOON + second)
        )
        assert not shared._breaker.is_open
        runner.run(shared.close())


def _local() -> Take:
    quota = LocalQuota()
    return lambda limit, units=100, second=0.0, client="acme": quota.take(client, limit, units, now=NOON + second)


def test_a_quota_covers_exactly_its_calls(take: Take) -> None:
    assert [take(THREE).left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(QuotaExceeded):
        take(THREE)


def test_a_quota_is_back_with_the_next_window(take: Take) -> None:
    take(THREE, 300, second=59)
    assert take(THREE, second=60).left == 2


def test_a_refusal_takes_nothing(take: Take) -> None:
    take(THREE, 200)
    with pytest.raises(QuotaExceeded):
        take(THREE, 101)
    assert take(THREE, 100).left == 0


def test_a_refusal_says_when_to_come_back(take: Take) -> None:
    take(THREE, 300, second=10.5)
    with pytest.raises(QuotaExceeded, match="try again in 50 s") as refusal:
        take(THREE, second=10.5)
    assert refusal.value.retry_after == 50
    assert refusal.value.fields == {"RateLimit": '"default";r=0;t=50', "RateLimit-Policy": '"default";q=3;w=60'}


def test_a_call_beyond_the_whole_quota_is_told_to_send_less(take: Take) -> None:
    with pytest.raises(QuotaExceeded, match=r"costs 3\.5 calls, the quota is 3/minute: send fewer rows"):
        take(THREE, 350)


def test_clients_do_not_share(take: Take) -> None:
    take(THREE, 300)
    assert take(THREE, client="other").left == 2


def test_hundredths_add_up(take: Take) -> None:
    assert [take(THREE, 150).left for _ in range(2)] == [1, 0]


def test_a_changed_quota_keeps_what_was_used(take: Take) -> None:
    take(THREE, 300)
    assert take(Quota(5, 60)).left == 1


def test_the_headers_are_structured_fields(take: Take) -> None:
    charge = take(THREE, 150)
    assert re.fullmatch(r'"[a-z]+";r=\d+;t=\d+', charge.limit)
    assert charge.limit == '"default";r=1;t=60'


@pytest.mark.parametrize(("text", "quota"), [("100/minute", Quota(100, 60)), ("1/day", Quota(1, 86_400))])
def test_a_quota_is_read_and_written(text: str, quota: Quota) -> None:
    assert parse_quota(text) == quota
    assert str(quota) == text


def test_unlimited_is_no_quota() -> None:
    assert parse_quota("unlimited") is None


@pytest.mark.parametrize("text", ["", "0/minute", "100", "100/week", "-1/day", "1.5/day", "100/minute\n", "\u0661/day"])
def test_anything_else_is_no_quota(text: str) -> None:
    with pytest.raises(InvalidSettings):
        parse_quota(text)


@pytest.mark.parametrize(("rows", "units"), [(0, 100), (1, 100), (100, 100), (101, 101), (1_000, 1_000)])
def test_a_row_costs_a_hundredth_and_a_call_at_least_one(rows: int, units: int) -> None:
    assert price_units(rows) == units


def test_windows_that_are_over_are_forgotten_without_a_thread() -> None:
    threads, quota = threading.active_count(), LocalQuota()
    for second in range(50):
        quota.take("acme", Quota(1, 1), 100, now=NOON + second)
        quota.take("beta", THREE, 100, now=NOON + 60 * second)
    assert len(quota._storage.storage) == len(quota._storage.locks) == 2
    assert threading.active_count() == threads


def test_keys_of_one_client_with_windows_of_different_lengths_do_not_refill_each_other() -> None:
    quota, daily = LocalQuota(), Quota(1_000, 86_400)
    for _ in range(THREE.calls):
        quota.take("acme", THREE, 100, now=NOON)
        quota.take("acme", daily, 100, now=NOON)
    with pytest.raises(QuotaExceeded):
        quota.take("acme", THREE, 100, now=NOON)


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1", "redis://127.0.0.1:port"])
def test_an_address_that_is_none_of_redis_is_said(url: str) -> None:
    with pytest.raises(InvalidSettings, match="CASA_REDIS_URL"):
        SharedQuota(url, LocalQuota(), metrics=Metrics(), clock=monotonic)
