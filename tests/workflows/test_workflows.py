"""What every workflow keeps to; actionlint and zizmor see to the rest."""

import re
from pathlib import Path

import pytest

from tests.workflows.steps import FILES, GITHUB, jobs, read, steps, uses

WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
PINNED = re.compile(r"uses: (\./\S+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@every_workflow
def test_no_right_is_given_but_to_a_job(path: Path) -> None:
    assert read(path)["permissions"] == {}
    assert all("permissions" in job for job in jobs(path).values())


@every_workflow
def test_no_job_runs_forever(path: Path) -> None:
    assert all(0 < job["timeout-minutes"] <= 180 for job in jobs(path).values())


@every_workflow
def test_runs_of_one_branch_do_not_overtake_each_other(path: Path) -> None:
    assert read(path)["concurrency"]["group"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path: Path) -> None:
    lines = [line for line in path.read_text().split("\n") if "uses:" in line]
    assert len(lines) == len(list(uses(path)))
    assert all(PINNED.search(line) for line in lines)


def test_one_action_is_pinned_to_one_commit() -> None:
    pins = {one for path in FILES for one in uses(path)}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins})


def test_no_shell_reads_an_expression_that_a_stranger_may_have_written() -> None:
    assert not [step for step in steps() if "${{" in step.run]


def test_every_target_that_a_step_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (GITHUB.parent / "Makefile").read_text(), re.MULTILINE))
    named = {word for step in steps() for line in re.findall(r"make ([a-z-]+(?: [a-z-]+)*)(?= |$)", step.run)
             for word in line.split()}  # fmt: skip
    assert named
    assert named <= targets


def test_the_weekly_run_is_on_sunday_at_midnight() -> None:
    assert read(GITHUB / "workflows" / "scheduled-retrain.yml")["True"]["schedule"] == [{"cron": "0 0 * * 0"}]
