"""What every workflow keeps to; actionlint and zizmor see to the rest."""

import re
from pathlib import Path

import pytest

from tests.workflows.steps import FILES, GITHUB, jobs, read, steps, uses

ML_PIPELINE = GITHUB / "workflows" / "ml-pipeline.yml"
TESTS = GITHUB.parent / "tests"
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


def test_the_job_that_ships_a_model_does_not_train_it_again() -> None:
    artifacts = [step["with"] for job in jobs(ML_PIPELINE).values() for step in job["steps"]
                 if "upload-artifact" in step.get("uses", "")]  # fmt: skip
    (model,) = (one for one in artifacts if one["name"] == "model")
    assert {".dvc/cache", "artifacts", "data", "dvc.lock", "reports"} == set(model["path"].split())
    assert model["include-hidden-files"] is True


def test_what_is_deployed_is_what_was_pushed() -> None:
    (pushed,), (deployed,) = ([one.run for one in steps() if f"make {word}" in one.run] for word in ("push", "deploy"))
    assert 'TAG="$GITHUB_SHA"' in pushed
    assert 'TAG="$GITHUB_SHA"' in deployed


def test_every_folder_of_tests_is_in_one_suite_of_a_pull_request() -> None:
    suites = jobs(GITHUB / "workflows" / "api-tests.yml")["tests"]["strategy"]["matrix"]["include"]
    named = sorted(word for suite in suites for word in suite["tests"].split())
    there = {f"tests/{path.parent.relative_to(TESTS).parts[0]}" for path in TESTS.rglob("*/test_*.py")}
    others = {f"tests/{name}" for name in ("docs", "images", "compose", "cluster")}  # they have steps of their own
    assert named == sorted((there - others) | {"tests/test_*.py"})
