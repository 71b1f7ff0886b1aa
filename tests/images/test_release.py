"""A whole release, by `make release` in a copy of the project: everything that it says it makes is there and right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from delivery.commit import git
from tests.clone import copy_project
from tests.images.container import PIPELINE, SERVICE, need_image, once, podman
from tests.servers import need

VERSION = "9.9.9"
IMAGES = {name.removesuffix(":dev"): name for name in (SERVICE, PIPELINE)}
WHO = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "casa"), ("EMAIL", "casa@example.org"))}  # fmt: skip


class Release(NamedTuple):
    """What `make release` left behind."""

    project: Path
    said: str
    environment: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.project / "build" / "release"

    def make(self, *words: str) -> str:
        """What `make WORDS` says in the copy."""
        command = ["make", "CONTAINER=podman", *words]
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """Version 9.9.9 of this code; the images that were there keep their names."""
    need("helm", "helm")
    before = {
        name: podman("image", "inspect", "--format={{.Id}}", need_image(name)).stdout.strip()
        for name in IMAGES.values()
    }
    place = tmp_path_factory.mktemp("release")
    made = Release(place / "casa", "", {**os.environ, **WHO, "BENTOML_HOME": str(place / "bentoml")})
    commit(made.project)
    copy_models(place / "bentoml")
    try:
        yield made._replace(said=made.make("release", f"VERSION={VERSION}"))
    finally:
        for name, number in before.items():
            podman("tag", number, name)
        podman("rmi", *(f"{name}:{VERSION}" for name in IMAGES), check=False)


def commit(folder: Path) -> None:
    """Make a copy of the project a repository of one commit, of which the environment is no part."""
    copy_project(folder)
    git("init", "--quiet", "--initial-branch=main", folder=folder)
    (folder / ".git/info/exclude").write_text("/.venv\n")
    git("add", "--all", folder=folder)
    git("-c", "user.name=casa", "-c", "user.email=casa@example.org", "commit", "-qm", "all", folder=folder)


def copy_models(home: Path) -> None:
    """The models of this machine, so that none need be trained."""
    own = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml") / "models"
    if own.is_dir():
        shutil.copytree(own, home / "models")


def test_it_says_what_to_push(release: Release) -> None:
    assert f"push it with: git push origin HEAD v{VERSION}" in release.said


def test_the_changelog_has_the_version_and_its_day(release: Release) -> None:
    text = (release.project / "CHANGELOG.md").read_text()
    day = git("log", "-1", "--format=%cs", f"v{VERSION}^", folder=release.project)
    assert f"## Unreleased\n\n## {VERSION} - {day}\n" in text


def test_commit_and_tag_are_the_versions_and_nothing_is_left_over(release: Release) -> None:
    assert git("log", "--format=%s", folder=release.project) == f"Casa {VERSION}\nall"
    assert git("rev-parse", f"v{VERSION}^{{commit}}", folder=release.project) == git(
        "rev-parse", "HEAD", folder=release.project
    )
    assert (
        git("for-each-ref", "--format=%(objecttype) %(contents:subject)", "refs/tags", folder=release.project)
        == f"tag Casa {VERSION}"
    )
    assert git("status", "--porcelain", folder=release.project) == ""


def test_the_packages_are_built_again_to_the_byte(release: Release) -> None:
    release.make("dist")
    made = {
        path.name: path.read_bytes()
        for path in release.folder.glob("casa-*")
        if path.suffix == ".whl" or path.name.endswith(f"-{VERSION}.tar.gz")
    }
    assert made == {path.name: path.read_bytes() for path in (release.project / "dist").iterdir()}
    assert set(made) == {f"casa-{VERSION}-py3-none-any.whl", f"casa-{VERSION}.tar.gz"}


@pytest.mark.parametrize("name", IMAGES)
def test_each_image_has_the_versions_tag_and_code(release: Release, name: str) -> None:
    told = once(f"{name}:{VERSION}", "python", "-c", "import casa; print(casa.__version__)")
    assert told.stdout == f"{VERSION}\n", told.stderr


def test_the_pipelines_image_knows_the_commit(release: Release) -> None:
    told = once(f"localhost/casa-pipeline:{VERSION}", "cat", "/opt/casa/project/.revision").stdout.strip()
    assert told == git("rev-parse", f"v{VERSION}^{{commit}}", folder=release.project)


def test_the_chart_is_of_the_version(release: Release) -> None:
    with tarfile.open(release.folder / f"casa-{VERSION}.tgz") as chart:
        file = chart.extractfile("casa/Chart.yaml")
        assert file is not None
        told = yaml.safe_load(file)
    assert (told["version"], told["appVersion"]) == (VERSION, VERSION)


def test_the_chart_installs_the_images_of_its_version(release: Release) -> None:
    packed = release.folder / f"casa-{VERSION}.tgz"
    command = ["helm", "template", "casa", packed, "--kube-version", "1.34.0"]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"image: (localhost/\S+)", rendered)) == {f"{name}:{VERSION}" for name in IMAGES}


@pytest.mark.parametrize("name", ["lock", "casa", "casa-pipeline"])
def test_each_sbom_is_valid_and_of_the_version(release: Release, name: str) -> None:
    text = (release.folder / f"{name}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    assert told["metadata"]["component"]["version"] == VERSION
    assert len(told["components"]) > 50


def test_the_sums_are_of_all_that_is_there(release: Release) -> None:
    sums = (release.folder / "SHA256SUMS").read_text()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=release.folder, check=True)
    assert set(re.findall(r"  (\S+)$", sums, re.MULTILINE)) == {path.name for path in release.folder.iterdir()} - {
        "SHA256SUMS"
    }
    assert "licences.md" in sums
