import tarfile
import zipfile
from pathlib import Path

import pytest

from delivery.commit import git
from delivery.dist import build

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code and papers that a package is made of, committed once."""
    folder = tmp_path_factory.mktemp("project")
    tracked = git("ls-files", "casa", "pipeline", "pyproject.toml", "README.md", "LICENSE", folder=PROJECT).split("\n")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((PROJECT / name).read_bytes())
    git("init", "--quiet", folder=folder)
    git("add", "--all", folder=folder)
    git("-c", "user.name=casa", "-c", "user.email=casa@example.org", "commit", "-qm", "all", folder=folder)
    return folder


def test_the_same_commit_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    first, again = build(tmp_path / "first", project=project), build(tmp_path / "again", project=project)
    assert [path.suffix for path in first] == [".whl", ".gz"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_packages_hold_what_is_committed_and_nobodys_name(project: Path, tmp_path: Path) -> None:
    (project / "casa" / "secret.py").write_text("")
    wheel, sdist = build(tmp_path, project=project)
    (project / "casa" / "secret.py").unlink()
    assert "casa/house.py" in zipfile.ZipFile(wheel).namelist()
    assert "casa/secret.py" not in zipfile.ZipFile(wheel).namelist()
    with tarfile.open(sdist) as tar:
        assert {(one.uid, one.uname) for one in tar} == {(0, "")}
