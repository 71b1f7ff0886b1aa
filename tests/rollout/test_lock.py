"""The Lease: one holder, and the next one once it is dead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from casa.errors import LockTaken
from casa.rollout.cluster import Cluster
from casa.rollout.lock import LEASE_SECONDS, Clock, Lock, renewed
from tests.rollout.api import Api

TODAY = datetime(2026, 1, 1, tzinfo=UTC)


class Hours:
    """Time that passes only while it is waited for."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.seconds = 0.0
        self._meanwhile = meanwhile

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self._meanwhile()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: TODAY + timedelta(seconds=self.seconds), lambda: self.seconds, self.wait)


def lock(cluster: Cluster, holder: str, hours: Hours) -> Lock:
    return Lock(cluster, "casa-retrain", holder=holder, clock=hours.clock)


def test_a_free_lease_is_taken_at_once(api: Api, cluster: Cluster) -> None:
    hours = Hours()
    lock(cluster, "a", hours).take()
    assert (api.leases["casa-retrain"]["spec"]["holderIdentity"], hours.seconds) == ("a", 0.0)


def test_a_second_one_leaves_as_soon_as_the_first_is_seen_to_be_alive(api: Api, cluster: Cluster) -> None:
    first = lock(cluster, "a", Hours())
    first.take()
    hours = Hours(meanwhile=lambda: Lock(cluster, "casa-retrain", holder="a").check())
    with pytest.raises(LockTaken, match="runs already, by a"):
        lock(cluster, "b", hours).take()
    assert hours.seconds <= 1.0


def test_a_dead_ones_lease_is_taken_when_it_has_run_out(api: Api, cluster: Cluster) -> None:
    lock(cluster, "a", Hours()).take()
    hours = Hours()
    lock(cluster, "b", hours).take()
    assert hours.seconds == LEASE_SECONDS
    assert api.leases["casa-retrain"]["spec"]["leaseTransitions"] == 2


def test_clocks_that_differ_by_days_do_not_matter(api: Api, cluster: Cluster) -> None:
    lock(cluster, "a", Hours()).take()
    api.leases["casa-retrain"]["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
    hours = Hours(meanwhile=lambda: Lock(cluster, "casa-retrain", holder="a").check())
    with pytest.raises(LockTaken):
        lock(cluster, "b", hours).take()


def test_a_lease_that_was_let_go_is_free(api: Api, cluster: Cluster) -> None:
    with lock(cluster, "a", Hours()).held():
        pass
    hours = Hours()
    lock(cluster, "b", hours).take()
    assert hours.seconds == 0.0


def test_a_lease_that_went_to_another_is_not_renewed(api: Api, cluster: Cluster) -> None:
    mine = lock(cluster, "a", Hours())
    mine.take()
    lock(cluster, "b", Hours()).take()
    with pytest.raises(LockTaken, match="by b"):
        mine.check()
    mine.release()
    assert api.leases["casa-retrain"]["spec"]["holderIdentity"] == "b"


def test_the_same_holder_starts_again_without_waiting(api: Api, cluster: Cluster) -> None:
    lock(cluster, "a", Hours()).take()
    hours = Hours()
    lock(cluster, "a", hours).take()
    assert (hours.seconds, api.leases["casa-retrain"]["spec"]["leaseTransitions"]) == (0.0, 1)


def test_it_is_renewed_while_it_is_held(api: Api, cluster: Cluster) -> None:
    from tests.servers import until

    with lock(cluster, "a", Hours()).held(every=0.01):
        began = api.leases["casa-retrain"]["metadata"]["resourceVersion"]
        until(lambda: api.leases["casa-retrain"]["metadata"]["resourceVersion"] != began)


def test_a_renewal_keeps_when_it_was_taken() -> None:
    first = renewed({}, now=TODAY, holder="a")
    later = renewed({"spec": first}, now=TODAY + timedelta(hours=1), holder="a")
    assert later["acquireTime"] == first["acquireTime"]
    assert later["renewTime"] == "2026-01-01T01:00:00.000000Z"
