"""A Deployment of Casa's: which model its pod template names, and how far its rollout is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from casa.rollout.cluster import Json, Operation

VERSION = "casa/model-version"
CAUSE = "kubernetes.io/change-cause"
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
BAKED = ""
"""The version of a template that names none: its pods serve the model of their image."""


class Progress(NamedTuple):
    """How far a rollout is, in one sentence."""

    done: bool
    failed: bool
    sentence: str


class Deployment:
    """What a rollout asks of a Deployment's JSON."""

    def __init__(self, found: Json) -> None:
        self.found = found

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.found["metadata"]["name"])

    @property
    def annotations(self) -> dict[str, str]:
        """Its own annotations, not its pods'."""
        return dict(self.found["metadata"].get("annotations") or {})

    @property
    def template(self) -> Json:
        """Its pod template."""
        return dict(self.found["spec"]["template"])

    @property
    def version(self) -> str:
        """The model its pods serve; `BAKED` if the template names none."""
        return version_of(self.template)

    @property
    def revision(self) -> int:
        """The number of its present template, as `kubectl rollout history` counts."""
        return int(self.annotations.get(REVISION, 0))

    @property
    def selector(self) -> Mapping[str, str]:
        """The labels of its pods."""
        return dict(self.found["spec"]["selector"]["matchLabels"])

    @property
    def replicas(self) -> int:
        """How many pods are wanted."""
        return int(self.found["spec"].get("replicas", 1))

    @property
    def paused(self) -> bool:
        """Does it wait with all changes of its template?"""
        return bool(self.found["spec"].get("paused"))

    @property
    def deadline_seconds(self) -> int:
        """How long its rollout may make no progress."""
        return int(self.found["spec"].get("progressDeadlineSeconds", 600))

    @property
    def ready(self) -> int:
        """How many pods are ready."""
        return int(self._status.get("readyReplicas", 0))

    @property
    def _status(self) -> Mapping[str, Any]:  # counts and conditions
        return self.found.get("status") or {}

    def owns(self, replica_set: Json) -> bool:
        """Is this ReplicaSet one of its revisions?"""
        owners = replica_set["metadata"].get("ownerReferences") or []
        return any(owner["uid"] == self.found["metadata"]["uid"] for owner in owners)

    def progress(self) -> Progress:
        """By the conditions of `kubectl rollout status`, in its order: seen, in time, updated, old gone, available."""
        status = self._status
        if self.found["metadata"]["generation"] > status.get("observedGeneration", 0):
            return Progress(done=False, failed=False, sentence="waiting for the cluster to see the change")
        if self._is_late():
            return Progress(done=False, failed=True, sentence=f"no progress within {self.deadline_seconds} s")
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        old = status.get("replicas", 0) - updated
        if updated < self.replicas:
            return Progress(done=False, failed=False, sentence=f"{updated} of {self.replicas} pods are new")
        if old > 0:
            return Progress(done=False, failed=False, sentence=f"{old} old pods have not ended yet")
        if available < updated:
            return Progress(done=False, failed=False, sentence=f"{available} of {updated} new pods are available")
        return Progress(done=True, failed=False, sentence=f"all {updated} pods are new and available")

    def _is_late(self) -> bool:
        conditions = self._status.get("conditions") or []
        return any(
            one["type"] == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded" for one in conditions
        )


def version_of(template: Json) -> str:
    """The model that a pod template names."""
    annotations = template["metadata"].get("annotations") or {}
    return str(annotations.get(VERSION) or BAKED)


def pinned(template: Json, version: str) -> Json:
    """The same template with this model."""
    meta = template["metadata"]
    return {**template, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), VERSION: version}}}


def steps(*, template: Json | None, annotations: Mapping[str, str]) -> list[Operation]:
    """The JSON patch to a template (none: the present one) and to these annotations of the Deployment."""
    noted = {"op": "add", "path": "/metadata/annotations", "value": dict(annotations)}
    if template is None:
        return [noted]
    return [noted, {"op": "replace", "path": "/spec/template", "value": template}]


def cause(version: str) -> str:
    """What `kubectl rollout history` shows of a revision."""
    return f"model {version or 'of the image'}"
