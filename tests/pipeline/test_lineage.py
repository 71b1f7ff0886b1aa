"""Which code a model comes from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.lineage import revision


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project with one commit, in which we are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    for name in ("code.py", "dvc.lock", "reports/metrics.json"):
        (tmp_path / name).write_text("before")
    who = ["-c", "user.name=casa", "-c", "user.email=casa@example.org"]
    for words in (["init"], ["add", "--all"], [*who, "commit", "--message", "all"]):
        subprocess.run(["git", *words], check=True, capture_output=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def test_it_is_the_commit(commit: str) -> None:
    assert revision() == commit


@pytest.mark.parametrize("name", ["dvc.lock", "reports/metrics.json"])
def test_what_a_run_itself_writes_makes_the_code_no_other(name: str, commit: str) -> None:
    Path(name).write_text("after")
    assert revision() == commit


def test_code_that_is_not_the_commit_s_has_a_plus(commit: str) -> None:
    Path("code.py").write_text("after")
    assert revision() == f"{commit}+"
