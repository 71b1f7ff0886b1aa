"""The pipeline's image: its programs run without root, a disk or a network. The cluster's tests train in it."""

from __future__ import annotations

import pytest

from tests.images.container import PIPELINE, inspect, need_image, once

PROGRAMS = (("casa", "train"), ("casa", "keys"), ("dvc",), ("mlflow", "server"))
STAGES = ("ingest", "validate", "prepare", "train", "evaluate", "register")


@pytest.fixture(scope="module", autouse=True)
def image() -> str:
    return need_image(PIPELINE)


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_its_programs_run(words: tuple[str, ...]) -> None:
    result = once(PIPELINE, *words, "--help")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr


def test_dvc_finds_the_stages_without_git() -> None:
    result = once(
        PIPELINE,
        "sh",
        "-c",
        "cp -r /opt/casa/project work && cd work && rm -r .dvc && dvc init --no-scm --quiet && dvc stage list",
    )
    assert result.returncode == 0, result.stderr
    assert tuple(line.split()[0] for line in result.stdout.splitlines()) == STAGES


def test_it_runs_as_a_number_that_is_not_root() -> None:
    assert inspect(PIPELINE)["Config"]["User"] == "1034:1034"


def test_it_knows_which_code_it_holds() -> None:
    told = once(PIPELINE, "cat", "/opt/casa/project/.revision").stdout.strip()
    assert len(told.removesuffix("+")) == 40
