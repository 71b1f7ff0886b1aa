"""Twenty thousand calls, and not one fails, whatever is done to the pods meanwhile."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.cluster.callers import Callers, await_version, version
from tests.cluster.grpc_caller import GrpcCaller
from tests.cluster.laptop import casa
from tests.cluster.models import Workshop
from tests.cluster.release import Release
from tests.servers import until

CALLS = 20_000


class Day(NamedTuple):
    """What was seen while callers called."""

    callers: Callers
    grpc: GrpcCaller
    own: str
    other: str
    rolled_out: str
    undone: str
    most_ready: int
    told: str
    history: str


@pytest.fixture(scope="module")
def day(release: Release, workshop: Workshop, key: str) -> Day:
    """A rollout to another version, its undoing, three replicas, one of them deleted, and one replica again."""
    own, other = version(key), workshop.make(off=0.5)
    with Callers(key) as callers, GrpcCaller(key) as grpc:
        told = casa(release, "rollout", "to", other, home=workshop.home)
        rolled_out = version(key)
        release.kubectl("rollout", "undo", "deployment/casa")
        release.settle()
        await_version(key, own)
        undone = release.pinned()
        history = release.kubectl("rollout", "history", "deployment/casa")
        release.kubectl("scale", "deployment/casa", "--replicas=3")
        release.settle()
        most_ready = release.ready()
        release.kubectl("delete", "pod", release.pods()[0]["metadata"]["name"])
        until(lambda: release.ready() == 3, seconds=120)
        release.kubectl("scale", "deployment/casa", "--replicas=1")
        until(lambda: len(release.pods()) == 1, seconds=60)
        until(lambda: callers.calls >= CALLS, seconds=240)
    return Day(
        callers,
        grpc,
        own,
        other,
        rolled_out,
        undone,
        most_ready,
        f"{told.returncode} {told.stderr}{told.stdout}",
        history,
    )


def test_a_rollout_serves_the_other_version(day: Day) -> None:
    assert day.told.startswith("0 "), day.told
    assert day.rolled_out == day.other


def test_kubectl_rollout_undo_takes_the_model_back(day: Day) -> None:
    assert day.undone == "", "the image's own model is pinned by no name"


def test_kubectl_rollout_history_shows_versions(day: Day) -> None:
    assert f"model {day.other}" in day.history


def test_it_was_scaled_to_three(day: Day) -> None:
    assert day.most_ready == 3


def test_none_of_twenty_thousand_calls_failed(day: Day) -> None:
    assert day.callers.failures == {}
    assert day.callers.calls >= CALLS
    assert set(day.callers.outcomes) == {f"model {day.own}", f"model {day.other}"}


def test_no_call_over_grpc_failed_beside_them(day: Day) -> None:
    assert set(day.grpc.outcomes) == {"OK"}, day.grpc.outcomes
    assert day.grpc.outcomes["OK"] > CALLS / 20
