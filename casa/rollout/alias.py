"""MLflow's alias `champion`: the model that is served. What others do to the Deployment, it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casa.model.registry import CHAMPION
from casa.rollout.deployment import Deployment
from casa.rollout.standing import served
from casa.rollout.state import running

if TYPE_CHECKING:
    from casa.model.registry import Registry
    from casa.rollout.opening import Place


def follow(place: Place, models: Registry | None) -> str | None:
    """Let the alias name what the Deployment serves, if MLflow knows that model; returns the version that is served.

    While a rollout is not over, the alias stays: only what has held is champion. SourceUnavailable if MLflow is away.
    """
    found = place.cluster.deployment(place.name)
    deployment = Deployment(found)
    version = served(deployment, place.cluster, dial=place.dial)
    if models is None or version is None or running(deployment) or models.alias(CHAMPION) == version:
        return version
    if models.has(version):
        models.name(CHAMPION, version, reason=f"deployment {place.name} serves it")
        place.diary.note("champion moved", version, deployment=found, reason=f"deployment {place.name} serves it")
    return version
