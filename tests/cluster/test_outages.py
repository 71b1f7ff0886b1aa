"""MLflow, PostgreSQL and Redis go away in turn: prices are told as ever, and nothing that was acknowledged is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.callers import Callers, ask, version
from tests.cluster.laptop import casa
from tests.cluster.models import Workshop
from tests.cluster.release import Release
from tests.servers import until

HELD = 30
"""Calls that are made while the database is away."""


@contextmanager
def away(release: Release, workload: str) -> Iterator[None]:
    """Without that workload's pod, which comes back afterwards."""
    release.kubectl("scale", workload, "--replicas=0")
    component = workload.rpartition("-")[2]
    until(
        lambda: not json.loads(release.kubectl("get", "pods", _chosen(component), "--output=json"))["items"], seconds=90
    )
    try:
        yield
    finally:
        release.kubectl("scale", workload, "--replicas=1")
        release.settle(workload)


def _chosen(component: str) -> str:
    return f"--selector=app.kubernetes.io/component={component}"


@pytest.mark.parametrize("component", ["mlflow", "postgres", "redis"])
def test_prices_are_told_while_a_pod_is_killed(release: Release, key: str, component: str) -> None:
    (pod,) = release.pods(component)
    with Callers(key, number=2) as callers:
        release.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        until(lambda: callers.calls > 500, seconds=60)
        until(lambda: _back(release, component, pod["metadata"]["uid"]), seconds=180)
    assert callers.failures == {}


def _back(release: Release, component: str, uid: str) -> bool:
    pods = [pod for pod in release.pods(component) if pod["metadata"]["uid"] != uid]
    return any(one["ready"] for pod in pods for one in pod["status"].get("containerStatuses", []))


def test_what_was_answered_while_the_database_was_away_is_kept(release: Release, key: str) -> None:
    with away(release, "statefulset/casa-postgres"):
        answers = [ask(key, request_id=f"held-{number}") for number in range(HELD)]
    assert {answer.status for answer in answers} == {200}
    release.await_answer("SELECT count(*) FROM predictions WHERE request_id LIKE 'held-%'", str(HELD))


def test_feedback_that_was_taken_outlives_the_database_s_pod(release: Release, client_key: str) -> None:
    assert ask(client_key, request_id="sold").status == 200
    release.await_answer("SELECT count(*) FROM predictions WHERE request_id = 'sold'", "1")
    body = json.dumps({"request_id": "sold", "price": 25.5})
    assert ask(client_key, "/feedback", body=body).status == 200
    release.kubectl("delete", "pod", "casa-postgres-0", "--grace-period=0", "--force")
    release.settle("statefulset/casa-postgres")
    assert release.query("SELECT price FROM feedback WHERE request_id = 'sold'") == "25.5"


def test_a_client_with_a_quota_is_answered_without_redis(release: Release, client_key: str) -> None:
    with away(release, "statefulset/casa-redis"):
        assert {ask(client_key).status for _ in range(10)} == {200}


def test_a_new_pod_finds_its_model_while_mlflow_is_away(release: Release, workshop: Workshop, key: str) -> None:
    other = workshop.make(off=0.1)
    rolled = casa(release, "rollout", "to", other, home=workshop.home)
    assert rolled.returncode == 0, rolled.stderr
    with away(release, "deployment/casa-mlflow"):
        (old,) = release.pods()
        release.kubectl("delete", "pod", old["metadata"]["name"])
        release.settle()
        (new,) = release.pods()
        log = release.kubectl("logs", new["metadata"]["name"], "--container=model")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert f"model {other} is in the store, from the shelf" in log
    assert version(key) == other
