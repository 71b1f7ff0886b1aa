"""What a release is refused for, before anything is changed. tests/images makes a whole one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.commit import git

PROJECT = Path(__file__).parents[2]
FILES = ("CHANGELOG.md", "casa/__init__.py", "helm/casa/Chart.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a release writes to and the programs that do, committed; the changelog says something new."""
    for name in [*FILES, *git("ls-files", "delivery", folder=PROJECT).split("\n")]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "casa")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "casa@example.org")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n- A door.\n\n## 0.1.0 - 2026-01-01\n- A house.\n"
    )
    git("init", "--quiet", folder=tmp_path)
    git("add", "--all", folder=tmp_path)
    git("commit", "--quiet", "--message=all", folder=tmp_path)
    return tmp_path


def refused(project: Path, *version: str) -> str:
    """What a release of the version says, which leaves everything as it was."""
    before = git("status", "--porcelain", folder=project), git("rev-parse", "HEAD", folder=project)
    command = [sys.executable, "-m", "delivery.release", *version]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert (git("status", "--porcelain", folder=project), git("rev-parse", "HEAD", folder=project)) == before
    return done.stderr.strip()


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "01.2.3", "1.2.3-rc1", "*"])
def test_what_is_no_version_is_refused(project: Path, version: str) -> None:
    assert refused(project, version) == f"{version!r} is no version: it must be like 1.2.3"


def test_no_version_at_all_is_asked_for() -> None:
    assert refused(PROJECT) == "which version? make release VERSION=1.2.3"


def test_changes_that_are_not_committed_are_refused(project: Path) -> None:
    (project / "stray").write_text("")
    assert refused(project, "9.9.9") == "there are changes that are not committed"


def test_a_version_that_has_a_tag_is_refused(project: Path) -> None:
    git("tag", "v9.9.9", folder=project)
    assert refused(project, "9.9.9") == "there is a tag v9.9.9 already"


def test_a_version_that_the_changelog_has_is_refused(project: Path) -> None:
    assert refused(project, "0.1.0") == "the changelog has 0.1.0 already"
