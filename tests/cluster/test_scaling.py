"""Replicas follow the load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.callers import Callers
from tests.cluster.release import Release
from tests.servers import until

SCALING = {"enabled": True, "minReplicas": 1, "maxReplicas": 2, "cpuPercent": 50}


@pytest.fixture(scope="module", autouse=True)
def autoscaler(release: Release) -> Iterator[None]:
    """Automatic scaling, for this module."""
    release.install(autoscaling=SCALING)
    until(lambda: _measured(release), seconds=120)
    yield
    release.install()


def test_load_brings_a_replica_which_an_upgrade_keeps_and_rest_takes_away(release: Release, key: str) -> None:
    with Callers(key, number=6, pause=0.0) as callers:
        until(lambda: release.ready() == 2, seconds=180)
        release.install(autoscaling=SCALING, settings={"CASA_MAX_ROWS": "900"})
        assert release.find("deployment")["spec"]["replicas"] == 2
    assert callers.failures == {}
    until(lambda: len(release.pods()) == 1, seconds=420)


def _measured(release: Release) -> bool:
    """Does the autoscaler know the load yet?"""
    told = release.find("hpa")["status"].get("currentMetrics") or []
    return any("averageUtilization" in one.get("resource", {}).get("current", {}) for one in told)
