"""checkov has nothing to say against a release, but for what is named here with its reason."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.helm.chart import VALUES, text
from tests.transports.test_clients import environment

EVERYTHING = next(path for path in VALUES if path.name == "everything-values.yaml")
TALKERS = {"CronJob.homes.casa-retrain", "CronJob.homes.casa-drift", "Job.homes.casa-keys"}
EVERYWHERE = None
ACCEPTED = {
    "CKV_K8S_43": (EVERYWHERE, "a digest is a value: it is another in every registry"),
    "CKV_K8S_40": (EVERYWHERE, "they are the images' own users, 1034 and 999, to whom the volumes belong"),
    "CKV_K8S_35": (EVERYWHERE, "the programs read addresses with passwords from variables; their roots are read-only"),
    "CKV_K8S_38": (TALKERS, "these speak with the cluster's API, under a role by resource name"),
    "CKV_K8S_8": ({"Pod.homes.casa-test"}, "it asks once and ends"),
    "CKV_K8S_9": ({"Pod.homes.casa-test"}, "nobody calls it"),
}
"""Checks that may fail, where, and why."""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Each failed check with its resource."""
    rendered = tmp_path_factory.mktemp("release") / "release.yaml"
    rendered.write_text(text(values=EVERYTHING))
    return failed(rendered)


def failed(file: Path) -> set[tuple[str, str]]:
    program = environment("checkov").with_name("checkov")
    words = ["--file", file, "--framework", "kubernetes", "--output", "json", "--skip-download", "--compact"]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["results"]
    assert len(found["passed_checks"]) > 300, "it looked at the release"
    return {(one["check_id"], one["resource"]) for one in found["failed_checks"]}


def test_nothing_fails_that_is_not_accepted(failures: set[tuple[str, str]]) -> None:
    places = {check: place for check, (place, _) in ACCEPTED.items()}
    assert not [one for one in failures if one[0] not in places or one[1] not in (places[one[0]] or {one[1]})]


def test_nothing_is_accepted_that_does_not_fail(failures: set[tuple[str, str]]) -> None:
    assert {check for check, _ in failures} == set(ACCEPTED)
