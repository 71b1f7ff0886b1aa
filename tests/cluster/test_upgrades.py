"""Upgrades, the way back, and the end: what outlives each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.callers import Callers, ask, version
from tests.cluster.release import Release
from tests.servers import until

KEPT = {"persistentvolumeclaim": 3, "secret": 3}
"""What `helm uninstall` leaves: three volumes, and the Secrets that open them."""
GONE = (
    "deployment,statefulset,pod,cronjob,job,service,serviceaccount,role,rolebinding,networkpolicy,ingress,hpa,pdb,"
    "configmap,lease"
)
CLUSTERS_OWN = {"default", "kube-root-ca.crt"}
"""What every namespace holds."""
SECRETS = ("casa-keys", "casa-postgres", "casa-redis")


def secrets(release: Release) -> dict[str, Any]:
    return {name: release.find("secret", name)["data"] for name in SECRETS}


def _left(release: Release) -> set[str]:
    left = json.loads(release.kubectl("get", GONE, "--output=json"))["items"]
    return {one["metadata"]["name"] for one in left}


@pytest.fixture(scope="module")
def pinned(release: Release, key: str) -> str:
    """The version that a rollout pinned, which is not the image's."""
    assert release.pinned() == version(key)
    return release.pinned()


@pytest.fixture(scope="module")
def champion(release: Release, pinned: str) -> str:
    """MLflow's champion before it all."""
    return release.registry("alias('champion')")


def test_an_upgrade_keeps_the_model_and_the_keys(release: Release, pinned: str, champion: str, key: str) -> None:
    before = secrets(release)
    with Callers(key, number=2) as callers:
        release.install(settings={"CASA_MAX_ROWS": "500"})
    assert callers.failures == {}
    assert (release.pinned(), version(key), secrets(release)) == (pinned, pinned, before)


def test_an_upgrade_changes_what_it_was_told_to(release: Release, pinned: str, key: str) -> None:
    rows = json.dumps({"instances": [{}] * 501})
    assert ask(key, "/predict/batch", body=rows).status == 413


def test_helm_rollback_takes_the_values_back_and_keeps_the_model_and_the_keys(
    release: Release, pinned: str, key: str
) -> None:
    before = secrets(release)
    release.helm("rollback", release.name, "--wait", "--timeout=5m")
    release.settle()
    rows = json.dumps({"instances": [{}] * 501})
    assert ask(key, "/predict/batch", body=rows).status == 422
    assert (release.pinned(), version(key), secrets(release)) == (pinned, pinned, before)


def test_an_uninstalled_release_leaves_only_volumes_and_the_secrets_that_open_them(
    release: Release, pinned: str
) -> None:
    release.helm("uninstall", release.name, "--wait", "--timeout=3m")
    until(lambda: _left(release) == CLUSTERS_OWN, seconds=120)  # what the cluster collects takes a moment
    kept = json.loads(release.kubectl("get", ",".join(KEPT), "--output=json"))["items"]
    assert sorted(one["metadata"]["name"] for one in kept if one["kind"] == "Secret") == sorted(SECRETS)
    assert len([one for one in kept if one["kind"] == "PersistentVolumeClaim"]) == KEPT["persistentvolumeclaim"]


def test_a_new_install_adopts_them_and_finds_keys_journal_and_runs(release: Release, champion: str, key: str) -> None:
    before = secrets(release)
    release.install()
    assert secrets(release) == before
    assert ask(key).status == 200
    assert release.query("SELECT count(*) FROM predictions WHERE request_id = 'first-of-all'") == "1"
    assert release.registry("alias('champion')") == champion
