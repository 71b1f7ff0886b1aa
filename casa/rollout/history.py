"""A Deployment's revisions, by its ReplicaSets, as `kubectl rollout history` and `undo` read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from casa.errors import NotFound
from casa.rollout.cluster import Json
from casa.rollout.deployment import CAUSE, HASH, REVISION, Deployment, version_of


@dataclass(frozen=True)
class Revision:
    """A template that was in force once, or is."""

    number: int
    template: Json
    cause: str

    @property
    def version(self) -> str:
        """The model it names."""
        return version_of(self.template)


def revisions(deployment: Deployment, replica_sets: Sequence[Json]) -> list[Revision]:
    """Those of this Deployment, the newest first."""
    own = [_revision(one) for one in replica_sets if deployment.owns(one)]
    return sorted(own, key=lambda revision: revision.number, reverse=True)


def previous(deployment: Deployment, replica_sets: Sequence[Json]) -> Revision:
    """The newest before the present one; NotFound if there is none, or the cluster keeps no history."""
    older = [one for one in revisions(deployment, replica_sets) if one.number < deployment.revision]
    if not older:
        raise NotFound(f"deployment {deployment.name} has no revision before its present one: there is nothing to undo")
    return older[0]


def _revision(replica_set: Json) -> Revision:
    notes = replica_set["metadata"].get("annotations") or {}
    return Revision(int(notes.get(REVISION, 0)), _unhashed(replica_set["spec"]["template"]), notes.get(CAUSE, ""))


def _unhashed(template: Json) -> Json:
    """The template as the Deployment had it: the controller adds a label of its own."""
    labels = {name: value for name, value in template["metadata"]["labels"].items() if name != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}
