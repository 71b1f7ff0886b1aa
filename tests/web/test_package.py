"""What is installed has the pages."""

import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest

from casa.web import pages
from tests.cli.shell import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a wheel made of this source holds."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "casa", source / "casa")
    make = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*make, source / "made", source], check=True)
    (made,) = (source / "made").glob("*.whl")
    return set(ZipFile(made).namelist())


@pytest.mark.parametrize("folder", [pages.HTML, pages.ASSETS])
def test_a_wheel_holds_every_file_of_the_pages(wheel: set[str], folder: str) -> None:
    names = {f"casa/web/{folder}/{name}" for name in pages.read(folder)}
    assert names
    assert names <= wheel
