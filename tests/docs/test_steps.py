"""Every step of the workflows that needs nothing from outside, run in a clone, each once and in order."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.docs.test_commands import Clone, clone  # noqa: F401  (a fixture)
from tests.workflows.steps import steps

OWN = ("make test", "make docs-test", "make check")
"""What runs beside this: .ci/run passes them all before and after."""
QUICK = {
    "ingest": {"eda_report": False},
    "train": {"draws": 2, "search_folds": 2, "folds": 3, "repeats": 1},
    "evaluate": {"repeats": 1, "bootstraps": 200},
}
"""A pipeline of a minute; how many models a search tries is no question of whether a step works."""


def quicken(params: Path) -> None:
    """Make a params.yaml the quick one."""
    told = yaml.safe_load(params.read_text())
    params.write_text(yaml.safe_dump({stage: {**knobs, **QUICK.get(stage, {})} for stage, knobs in told.items()}))


def commit(folder: Path) -> None:
    """Make what is here the commit of `main`, here and at the origin."""
    who = ["-c", "user.name=casa", "-c", "user.email=casa@example.org"]
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *who, "commit", "--quiet", "--no-verify", "--message", "all"], cwd=folder, check=True)
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=folder, check=True)


def test_every_step_that_needs_nothing_from_outside_works(clone: Clone) -> None:  # noqa: F811
    ours = [step.run for step in steps() if not step.needs and not step.run.startswith(OWN)]
    quicken(clone.folder / "params.yaml")
    commit(clone.folder)
    summary = clone.folder.parent / "summary.md"
    clone.environment["GITHUB_STEP_SUMMARY"] = str(summary)
    for run in dict.fromkeys(ours):
        clone.run(run)
    assert "Metrics beside origin/main" in summary.read_text()
    assert re.search(r"^model [0-9a-f]{12}, \w+: ", summary.read_text(), re.MULTILINE)
