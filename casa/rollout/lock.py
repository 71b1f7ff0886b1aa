"""One rollout at a time: a Lease of the cluster, renewed while its holder works.

The client's own `leaderelection` waits until it leads, keeps to itself what the work raised and never lets go; a second
rollout is to leave soon, an error is to be told, and the next run must not wait for a Lease to run out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread

import structlog

from casa.errors import CasaError, Conflict, LockTaken, NotFound
from casa.rollout.cluster import Cluster, Json

LEASE_SECONDS = 30
RENEW_SECONDS = 5.0
LOOK_SECONDS = 1.0
CLOCK = "%Y-%m-%dT%H:%M:%S.%fZ"
TRIES = 5


@dataclass(frozen=True)
class Clock:
    """Time as a lock knows it."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep


class Lock:
    """A Lease by its name, held by one process until it lets go or has stopped to renew it.

    Whether another holder is alive is told by whether the Lease changes, never by its clock against ours.
    """

    def __init__(
        self, cluster: Cluster, name: str, *, holder: str, owner: str | None = None, clock: Clock | None = None
    ) -> None:
        """`owner` is the Deployment that the Lease goes away with."""
        self._cluster = cluster
        self._owner = owner
        self._name = name
        self._holder = holder
        self._clock = clock or Clock()

    @contextmanager
    def held(self, *, every: float = RENEW_SECONDS) -> Iterator[None]:
        """Hold the Lease within; LockTaken if another does, as soon as it is seen to be alive."""
        self.take()
        done = Event()
        renewal = Thread(target=self._keep, args=(done, every), name="casa-lease", daemon=True)
        renewal.start()
        try:
            yield
        finally:
            done.set()
            renewal.join()
            self.release()

    def take(self) -> None:
        """Become its holder: at once if nobody is, else if the other has not renewed it for its whole duration."""
        seen, since = self._read(), self._clock.monotonic()
        while other := taken_by(seen, me=self._holder):
            self._clock.wait(LOOK_SECONDS)
            now = self._read()
            if renewal(now) != renewal(seen):
                raise LockTaken(other)
            if self._clock.monotonic() - since >= duration(now):
                break
            seen = now
        self._claim(seen)

    def check(self) -> None:
        """Renew it; LockTaken if it was lost, so that a process that slept for minutes changes nothing more."""
        for _ in range(TRIES):
            lease = self._read()
            if lease is None or not holds(lease, self._holder):
                raise LockTaken(str((lease or {}).get("spec", {}).get("holderIdentity") or "nobody"))
            try:
                self._write(lease)
            except Conflict:  # our other thread was faster, or an answer was lost on its way: look again
                continue
            return
        raise LockTaken("another")

    def release(self) -> None:
        """Let go of it, if it is still ours; if the API is away, it runs out by itself."""
        try:
            lease = self._read()
            if lease is not None and holds(lease, self._holder):
                self._cluster.replace_lease({**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except CasaError as error:
            structlog.get_logger().warning("the lease runs out by itself", lease=self._name, reason=str(error))

    def _keep(self, done: Event, every: float) -> None:
        while not done.wait(every):
            try:
                self.check()
            except CasaError as error:  # the work finds out by `check` before it changes anything
                structlog.get_logger().warning("the lease was not renewed", lease=self._name, reason=str(error))

    def _read(self) -> Json | None:
        try:
            return self._cluster.lease(self._name)
        except NotFound:
            return None

    def _claim(self, seen: Json | None) -> None:
        try:
            self._write(seen)
        except Conflict as error:
            if not holds(self._read() or {}, self._holder):  # it may be ours, its answer lost on the way
                raise LockTaken("another") from error

    def _write(self, lease: Json | None) -> None:
        spec = renewed(lease or {}, now=self._clock.now(), holder=self._holder)
        if lease is None:
            kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
            about = {"name": self._name, "ownerReferences": self._owners()}
            self._cluster.create_lease({**kind, "metadata": about, "spec": spec})
        else:
            self._cluster.replace_lease({**lease, "spec": spec})

    def _owners(self) -> list[Json]:
        if self._owner is None:
            return []
        found = self._cluster.deployment(self._owner)["metadata"]
        return [{"apiVersion": "apps/v1", "kind": "Deployment", "name": found["name"], "uid": found["uid"]}]


def taken_by(lease: Json | None, *, me: str) -> str | None:
    """Who else holds it, as far as it says."""
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity")
    return str(holder) if holder and holder != me else None


def holds(lease: Json, holder: str) -> bool:
    """Is it this one's?"""
    return (lease.get("spec") or {}).get("holderIdentity") == holder


def renewal(lease: Json | None) -> tuple[object, object]:
    """What changes when its holder is alive."""
    spec = (lease or {}).get("spec") or {}
    return spec.get("holderIdentity"), spec.get("renewTime")


def duration(lease: Json | None) -> float:
    """How many seconds it lives without being renewed."""
    return float(((lease or {}).get("spec") or {}).get("leaseDurationSeconds") or LEASE_SECONDS)


def moment(lease: Json) -> datetime:
    """When it was last renewed."""
    told = (lease.get("spec") or {}).get("renewTime") or "1970-01-01T00:00:00Z"
    return datetime.fromisoformat(told)


def renewed(lease: Json, *, now: datetime, holder: str) -> Json:
    """The Lease's spec, held from now on; a change of hands is counted."""
    spec, mine = lease.get("spec") or {}, holds(lease, holder)
    return {
        **spec,
        "holderIdentity": holder,
        "leaseDurationSeconds": LEASE_SECONDS,
        "acquireTime": spec["acquireTime"] if mine else now.strftime(CLOCK),
        "renewTime": now.strftime(CLOCK),
        "leaseTransitions": (spec.get("leaseTransitions") or 0) + (0 if mine else 1),
    }
