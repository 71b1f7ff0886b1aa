"""How far a rollout is, by kubectl's conditions; what pods and counters say."""

from __future__ import annotations

from typing import Any

import pytest

from casa.rollout.deployment import Deployment
from casa.rollout.pods import serving, troubles
from casa.rollout.state import ANNOTATION, State, running
from casa.rollout.traffic import Traffic

LATE = {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}
DONE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def deployment(status: dict[str, Any], *, version: str = "a", annotations: dict[str, str] | None = None) -> Deployment:
    template = {"metadata": {"annotations": {"casa/model-version": version}}}
    meta = {"name": "casa", "generation": 2, "annotations": annotations}
    return Deployment({"metadata": meta, "spec": {"replicas": 3, "template": template}, "status": status})


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ({}, "waiting for the cluster to see the change"),
        ({**DONE, "observedGeneration": 1, **LATE}, "waiting for the cluster to see the change"),
        ({**DONE, "updatedReplicas": 1, **LATE}, "no progress within 600 s"),
        ({**DONE, "updatedReplicas": 1, "availableReplicas": 0}, "1 of 3 pods are new"),
        ({**DONE, "replicas": 4, "availableReplicas": 1}, "1 old pods have not ended yet"),
        ({**DONE, "availableReplicas": 2}, "2 of 3 new pods are available"),
        (DONE, "all 3 pods are new and available"),
    ],
)
def test_the_conditions_are_asked_in_kubectls_order(status: dict[str, Any], sentence: str) -> None:
    progress = deployment(status).progress()
    assert progress.sentence == sentence
    assert progress.done == (status is DONE)
    assert progress.failed == sentence.startswith("no progress")


def pod(version: str = "a", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "annotations": {"casa/model-version": version}}, "status": status}


def test_pods_on_their_way_out_are_not_looked_at() -> None:
    leaving = pod()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert serving([pod(), pod("b"), leaving], "a") == [pod()]


def container(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "restartCount": 0, "state": {"running": {}}, **changes}]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"containerStatuses": container()}, []),
        ({"containerStatuses": container(restartCount=1)}, ["pod p: its container c ended"]),
        (
            {"containerStatuses": container(state={"waiting": {"reason": "CreateContainerConfigError"}})},
            ["pod p: its container c cannot start (CreateContainerConfigError)"],
        ),
        ({"containerStatuses": container(state={"waiting": {"reason": "PodInitializing"}})}, []),
        ({"initContainerStatuses": container(restartCount=2)}, []),
        ({"initContainerStatuses": container(restartCount=3)}, ["pod p: its init container c failed 3 times"]),
    ],
)
def test_what_is_wrong_with_a_pod_is_said(status: dict[str, Any], told: list[str]) -> None:
    assert troubles([pod(**status)]) == told


def seen(**counts: float) -> Traffic:
    traffic = Traffic(least=200)
    traffic.see("p", {("/predict", status.removeprefix("s")): count for status, count in counts.items()})
    return traffic


@pytest.mark.parametrize(
    ("traffic", "spoilt"),
    [
        (seen(s200=1000), False),
        (seen(s200=990, s500=10), False),
        (seen(s200=989, s500=11), True),
        (seen(s503=2), False),
        (seen(s503=3), True),
        (seen(INTERNAL=3), True),
        (seen(s422=500, s429=500), False),
        (seen(s401=100_000, UNAUTHENTICATED=100_000, OK=197, s500=3), True),
    ],
)
def test_more_than_one_in_a_hundred_faults_spoil(*, traffic: Traffic, spoilt: bool) -> None:
    assert traffic.spoilt is spoilt


def test_calls_of_pods_that_are_gone_still_count_and_probes_never_do() -> None:
    traffic = Traffic(least=3)
    traffic.see("a", {("/predict", "200"): 2, ("/livez", "503"): 99})
    traffic.see("b", {("/predict", "200"): 1})
    assert (traffic.calls, traffic.faults, traffic.enough) == (3, 0, True)


def noted(**changes: str) -> dict[str, str]:
    return {ANNOTATION: State(**{"before": "a", "to": "b", "phase": "watching", **changes}).write()}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "annotations", "is_running"),
    [
        ("b", noted(), True),
        ("a", noted(), False),
        ("a", noted(phase="undoing"), True),
        ("b", noted(phase="held"), False),
        ("b", {ANNOTATION: "no JSON"}, False),
        ("b", {}, False),
    ],
)
def test_a_rollout_runs_while_the_template_is_as_it_left_it(
    *, version: str, annotations: dict[str, str], is_running: bool
) -> None:
    assert (running(deployment(DONE, version=version, annotations=annotations)) is not None) == is_running
