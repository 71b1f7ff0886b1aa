"""What is told of rollouts and retrainings: a row of the audit and an Event beside the Deployment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine

from casa.database import audit, writing
from casa.errors import CasaError
from casa.rollout.cluster import Cluster, Json

COMPONENT = "casa-rollout"
MOST_WORDS = 1000
"""What an Event's message may hold."""


class Diary:
    """Notes what happened, in all places there are. A place that is away holds nothing up: it is said in the log."""

    def __init__(self, engine: Engine | None, cluster: Cluster | None, *, actor: str) -> None:
        self._engine = engine
        self._cluster = cluster
        self._actor = actor

    def note(self, action: str, version: str, *, deployment: Json | None = None, **detail: object) -> None:
        """`action` (`rollout held`) happened to a model, here and now."""
        now = datetime.now(UTC)
        structlog.get_logger().info(action, version=version, **detail)
        if self._engine is not None:
            engine = self._engine
            self._try("audit", lambda: self._write(engine, action, version, at=now, detail=detail))
        if self._cluster is not None and deployment is not None:
            cluster, event = self._cluster, self._event(action, version, deployment=deployment, at=now, detail=detail)
            self._try("event", lambda: cluster.tell(event))

    def _write(self, engine: Engine, action: str, version: str, *, at: datetime, detail: dict[str, object]) -> None:
        with writing(engine) as connection:
            audit(connection, at=at, actor=self._actor, action=action, subject=version, **detail)

    def _event(self, action: str, version: str, *, deployment: Json, at: datetime, detail: dict[str, object]) -> Json:
        meta, moment = deployment["metadata"], at.strftime("%Y-%m-%dT%H:%M:%SZ")
        words = f"model {version}" + (f": {detail['reason']}" if detail.get("reason") else "")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{meta['name']}-", "namespace": meta["namespace"]},
            "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"],
                               "namespace": meta["namespace"], "uid": meta["uid"]},
            "reason": reason(action),
            "message": words[:MOST_WORDS],
            "type": "Warning" if action.endswith(("undone", "failed")) else "Normal",
            "source": {"component": COMPONENT},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }  # fmt: skip

    def _try(self, place: str, write: Callable[[], None]) -> None:
        try:
            write()
        except CasaError as error:
            structlog.get_logger().warning("not noted", place=place, reason=str(error))


def reason(action: str) -> str:
    """An Event's reason, in the cluster's spelling: `rollout held` is `RolloutHeld`."""
    return "".join(word.capitalize() for word in action.split())
