"""The way in: who is let through, what a refusal says, and what is counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random

import pytest

from casa.access.gate import Gate
from casa.access.keys import Key, KeyStore
from casa.access.quota import LocalQuota
from casa.access.record import Grant, Record, make_key
from casa.errors import Forbidden, InvalidKey, QuotaExceeded
from casa.monitoring.metrics import Metrics

TODAY = datetime(2026, 5, 1, tzinfo=UTC)
PEPPER = b"pepper of these tests, 32 bytes."
TOKEN, RECORD = make_key(
    Grant(client="acme", scopes=("predict",), quota="2/minute"), pepper=PEPPER, random=Random(1), now=TODAY
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def gate(metrics: Metrics) -> Gate:
    return gate_of(RECORD, metrics=metrics)


def gate_of(record: Record, *, metrics: Metrics) -> Gate:
    store = KeyStore(PEPPER)
    store.replace([record.key()], now=TODAY)
    return Gate(store, LocalQuota(), None, metrics=metrics)


def enter(gate: Gate) -> Key:
    return gate.enter(TOKEN, scope="predict", now=TODAY)


def counted(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("casa_key_refusals_total", {"reason": reason})


def test_a_key_with_the_scope_enters(gate: Gate) -> None:
    assert enter(gate).client == "acme"


def test_a_call_without_a_key_is_asked_for_one(gate: Gate, metrics: Metrics) -> None:
    with pytest.raises(InvalidKey, match="needs a key") as refusal:
        gate.enter(None, scope="predict", now=TODAY)
    assert refusal.value.challenge == 'Bearer realm="casa"'
    assert counted(metrics, "missing") == 1


def test_a_bad_key_is_refused_and_counted(gate: Gate, metrics: Metrics) -> None:
    with pytest.raises(InvalidKey):
        gate.enter("casa_who", scope="predict", now=TODAY)
    assert counted(metrics, "invalid") == 1


def test_a_key_without_the_scope_is_told_which_it_lacks(gate: Gate, metrics: Metrics) -> None:
    with pytest.raises(Forbidden, match="'admin'") as refusal:
        gate.enter(TOKEN, scope="admin", now=TODAY)
    assert refusal.value.challenge == 'Bearer realm="casa", error="insufficient_scope", scope="admin"'
    assert counted(metrics, "scope") == 1


@pytest.mark.parametrize(
    ("pairs", "token"),
    [
        ([("x-api-key", "a")], "a"),
        ([("authorization", "Bearer a")], "a"),
        ([("authorization", "bearer  a ")], "a"),
        ([("x-api-key", "a"), ("authorization", "Bearer a")], "a"),
        ([("x-api-key", "a"), ("authorization", "Basic YTpi")], "a"),
        ([("authorization", "Basic YTpi")], None),
        ([("grpc-trace-bin", b"\x00"), ("x-other", "a")], None),
        ([], None),
    ],
)
def test_a_token_is_found_where_callers_put_it(gate: Gate, pairs: list[tuple[str, str]], token: str | None) -> None:
    assert gate.find_token(pairs) == token


@pytest.mark.parametrize("other", [("authorization", "Bearer b"), ("x-api-key", "b")])
def test_two_different_keys_are_refused(gate: Gate, metrics: Metrics, other: tuple[str, str]) -> None:
    with pytest.raises(InvalidKey, match="different keys"):
        gate.find_token([("x-api-key", "a"), other])
    assert counted(metrics, "contradictory") == 1


def test_a_used_up_quota_is_refused_and_counted(gate: Gate, metrics: Metrics) -> None:
    key = enter(gate)
    assert [gate.charge(key, 1, now=TODAY).left for _ in range(2)] == [1, 0]  # type: ignore[union-attr]
    with pytest.raises(QuotaExceeded):
        gate.charge(key, 1, now=TODAY)
    assert metrics.registry.get_sample_value("casa_quota_refusals_total") == 1


def test_an_unlimited_client_is_never_charged(metrics: Metrics) -> None:
    gate = gate_of(RECORD.model_copy(update={"quota": "unlimited"}), metrics=metrics)
    assert gate.charge(enter(gate), 1_000_000, now=TODAY) is None


def test_without_redis_a_shared_charge_is_a_local_one(gate: Gate) -> None:
    charge = asyncio.run(gate.charge_shared(enter(gate), 150, now=TODAY))
    assert not gate.shares
    assert charge is not None
    assert charge.used == 150
