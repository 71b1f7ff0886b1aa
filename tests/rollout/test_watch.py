"""How long a rollout is waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import pytest

from casa.errors import RolloutFailed
from casa.rollout.cluster import Cluster, Json
from casa.rollout.lock import Clock
from casa.rollout.watch import Limits, Watch
from tests.rollout.api import Api
from tests.rollout.conftest import OLD


@pytest.fixture
def watch(cluster: Cluster) -> Watch:
    """A watch by whose clock each look at the Deployment takes 300 s; its deadline is 600 s."""
    seconds = count(step=300)
    clock = Clock(lambda: datetime.now(UTC), lambda: next(seconds), lambda _: None)
    return Watch(cluster, "casa", call=lambda pod: pytest.fail("nobody is called"), limits=Limits(1, 1), clock=clock)


def grown(api: Api, pods: int) -> Callable[[Json], list[Json]]:
    """A watch in which so many of the pods have become new."""

    def step(_: Json) -> list[Json]:
        api.deployment["status"] |= {"replicas": pods, "updatedReplicas": pods, "availableReplicas": pods}
        return []

    return step


def test_one_that_goes_on_is_waited_for_however_long_it_takes(api: Api, watch: Watch) -> None:
    api.deployment["spec"]["replicas"] = 20
    api.watches = [grown(api, pods) for pods in range(2, 21)]
    said: list[str] = []
    watch.wait(OLD, tell=said.append)
    assert said[-1] == "all 20 pods are new and available"


def test_one_that_stands_still_is_given_up(api: Api, watch: Watch) -> None:
    api.deployment["spec"]["replicas"] = 20
    with pytest.raises(RolloutFailed, match="the rollout does not end: 1 of 20 pods are new"):
        watch.wait(OLD, tell=lambda _: None)
