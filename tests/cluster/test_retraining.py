"""From new data to a served model, by the CronJob's own template; and no worse model is ever served for long."""

from __future__ import annotations

import json
from typing import NamedTuple

import httpx
import pytest

from pipeline.ingest import bundled
from tests.cluster.callers import await_version, version
from tests.cluster.laptop import casa, forwarded, shelve
from tests.cluster.models import Workshop
from tests.cluster.release import Release
from tests.servers import until

FEW = 160
"""Houses that a worse model learns from."""
TABLE = "api/2.0/mlflow-artifacts/artifacts/tables/few.csv"
"""Where the cluster finds a table: MLflow hands out any file."""


class Run(NamedTuple):
    """How a Job ended."""

    succeeded: bool
    log: str


class Retraining(NamedTuple):
    """A retraining that began with a bad champion, and another that was started beside it."""

    bad: str
    first: Run
    second: Run


def start(release: Release, name: str, *args: str) -> None:
    """Start the CronJob by hand, with these arguments more."""
    words = ("create", "job", name, "--from=cronjob/casa-retrain", "--dry-run=client", "--output=json")
    job = json.loads(release.kubectl(*words))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container["args"] += args
    release.kubectl("apply", "--filename=-", stdin=json.dumps(job))


def end(release: Release, name: str) -> Run:
    """Wait until it has ended."""
    until(lambda: {"succeeded", "failed"} & set(release.find("job", name)["status"]), seconds=420)
    ended = release.find("job", name)["status"]
    return Run(bool(ended.get("succeeded")), release.kubectl("logs", f"job/{name}", "--tail=-1"))


def running(release: Release, name: str) -> bool:
    """Does somebody hold the Lease, and does this Job run?"""
    active = release.find("job", name)["status"].get("active")
    leases = json.loads(release.kubectl("get", "lease", "--output=json"))["items"]
    return bool(active and any(one["spec"].get("holderIdentity", "").startswith(name) for one in leases))


@pytest.fixture(scope="module")
def retraining(release: Release, workshop: Workshop) -> Retraining:
    bad = workshop.make(off=6.0)
    served = casa(release, "rollout", "to", bad, home=workshop.home)
    assert served.returncode == 0, served.stderr
    start(release, "first")
    until(lambda: running(release, "first"), seconds=120)
    start(release, "second")
    second = end(release, "second")
    return Retraining(bad, end(release, "first"), second)


def test_a_second_retraining_leaves_with_a_word(retraining: Retraining) -> None:
    assert retraining.second.succeeded
    assert "first" in retraining.second.log, "it names who holds the lease"


def test_a_better_model_is_served_and_is_the_champion(release: Release, retraining: Retraining, key: str) -> None:
    assert retraining.first.succeeded, retraining.first.log
    assert release.pinned() not in ("", retraining.bad)
    assert version(key) == release.pinned()
    assert release.registry("alias('champion')") == release.pinned()


def test_the_audit_tells_of_it(release: Release, retraining: Retraining) -> None:
    told = release.query(f"SELECT action FROM audit WHERE subject = '{release.pinned()}' ORDER BY id")
    assert "rollout held" in told.splitlines()


def test_a_worse_model_is_noted_and_not_served(release: Release, retraining: Retraining, key: str) -> None:
    before = release.pinned()
    with forwarded(release, "service/casa-mlflow", 5000) as port:
        table = bundled().head(FEW).to_csv(index=False)
        httpx.put(f"http://127.0.0.1:{port}/{TABLE}", content=table.encode()).raise_for_status()
    start(release, "worse", "--set=ingest.source=csv", f"--set=ingest.path=http://casa-mlflow:5000/{TABLE}")
    run = end(release, "worse")
    assert run.succeeded, run.log
    assert (release.pinned(), version(key)) == (before, before)
    assert release.registry("alias('champion')") == before
    assert release.registry("alias('challenger')") not in (before, "None")


def test_an_event_tells_of_the_worse_model(release: Release, retraining: Retraining) -> None:
    events = json.loads(release.kubectl("get", "events", "--output=json"))["items"]
    told = [one["message"] for one in events if one["involvedObject"].get("kind") == "Deployment"]
    assert any(release.registry("alias('challenger')") in one for one in told)


def test_a_model_whose_golden_predictions_fail_is_taken_back(release: Release, workshop: Workshop, key: str) -> None:
    before, liar = version(key), workshop.make(off=0.25, golden=1.0)
    shelve(release, workshop.honest(liar))  # so that its pods start: they check themselves, too
    told = casa(release, "rollout", "to", liar, home=workshop.home)
    assert told.returncode == 1
    assert "a golden price is off" in told.stderr
    await_version(key, before)


def test_a_model_that_does_not_give_its_own_prices_never_gets_ready(
    release: Release, workshop: Workshop, key: str
) -> None:
    before, broken = version(key), workshop.make(off=0.75, golden=1.0)
    told = casa(release, "rollout", "to", broken, home=workshop.home)
    assert told.returncode == 1
    await_version(key, before)
