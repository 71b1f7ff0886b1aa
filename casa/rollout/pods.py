"""The pods of a rollout: which are new, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from casa.rollout.cluster import Json
from casa.rollout.deployment import version_of

LOOPS = frozenset({"CrashLoopBackOff", "RunContainerError", "CreateContainerError", "CreateContainerConfigError"})
INIT_RESTARTS = 3
"""How often an init container may try again: a database that is away for a moment is no fault of the model."""


def serving(pods: Sequence[Json], version: str) -> list[Json]:
    """Those of a version, without the ones that are on their way out: a scale down is no failure."""
    return [pod for pod in pods if version_of(pod) == version and not pod["metadata"].get("deletionTimestamp")]


def is_ready(pod: Json) -> bool:
    """Does it get calls?"""
    conditions = pod["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def troubles(pods: Iterable[Json]) -> list[str]:
    """What is wrong with each, in one sentence."""
    return [f"pod {pod['metadata']['name']}: {found}" for pod in pods for found in _troubles(pod)]


def _troubles(pod: Json) -> Iterator[str]:
    status = pod["status"]
    for one in status.get("initContainerStatuses") or []:
        if one["restartCount"] >= INIT_RESTARTS:
            yield f"its init container {one['name']} failed {one['restartCount']} times{_last_words(one)}"
    for one in status.get("containerStatuses") or []:
        if one["restartCount"] or "terminated" in (one.get("state") or {}):
            yield f"its container {one['name']} ended{_last_words(one)}"
        elif (waiting := (one.get("state") or {}).get("waiting")) and waiting.get("reason") in LOOPS:
            yield f"its container {one['name']} cannot start ({waiting['reason']})"


def _last_words(container: dict[str, Any]) -> str:
    """Why it ended last, as far as the cluster knows."""
    states = [container.get("state") or {}, container.get("lastState") or {}]
    ended = next((state["terminated"] for state in states if "terminated" in state), None)
    return f" ({ended.get('reason') or 'it gives no reason'}, exit code {ended['exitCode']})" if ended else ""
