"""Where a Deployment stands: what it serves, whether a rollout runs, and what was there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from casa.errors import CasaError, NotFound
from casa.rollout.cluster import Cluster, Json
from casa.rollout.deployment import Deployment
from casa.rollout.history import revisions
from casa.rollout.line import Dial, Line
from casa.rollout.lock import duration, moment, taken_by
from casa.rollout.pods import is_ready, serving
from casa.rollout.state import read, running


def standing(cluster: Cluster, name: str, *, lease: str, dial: Dial) -> dict[str, Any]:
    """All of it, as plain JSON values."""
    deployment = Deployment(cluster.deployment(name))
    begun, last = running(deployment), read(deployment)
    history = revisions(deployment, cluster.replica_sets(deployment.selector))
    return {
        "deployment": name,
        "namespace": cluster.namespace,
        "version": served(deployment, cluster, dial=dial),
        "pinned": deployment.version or None,
        "revision": deployment.revision,
        "pods": {"wanted": deployment.replicas, "ready": deployment.ready},
        "progress": deployment.progress().sentence,
        "rollout": begun and begun.model_dump(by_alias=True),
        "last": last and last.model_dump(by_alias=True),
        "holder": _holder(cluster, lease),
        "history": [{"revision": one.number, "version": one.version or None, "cause": one.cause} for one in history],
    }


def served(deployment: Deployment, cluster: Cluster, *, dial: Dial) -> str | None:
    """The version that is pinned, or the one that a ready pod says it took from its image; None if none says it."""
    if deployment.version:
        return deployment.version
    for pod in filter(is_ready, serving(cluster.pods(deployment.selector), deployment.version)):
        if version := _asked(pod, dial):
            return version
    return None


def _asked(pod: Json, dial: Dial) -> str | None:
    try:
        return Line(pod, dial, key="").version()
    except CasaError:
        return None


def _holder(cluster: Cluster, lease: str) -> str | None:
    """Who holds the Lease; by this machine's clock, which is good enough to look at."""
    try:
        found = cluster.lease(lease)
    except NotFound:
        return None
    is_late = datetime.now(UTC) > moment(found) + timedelta(seconds=duration(found))
    return None if is_late else taken_by(found, me="")
