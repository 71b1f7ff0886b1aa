"""What a Bento and the pipeline's image install: parts of requirements.lock, the same versions with the same hashes.

`make lock` writes them; see the target's last commands.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]
MARKER = re.compile(r" ;.*?(?= \\)")
"""Where a package is needed; fewer packages need it in fewer places."""
PIN = re.compile(r"^([\w.-]+)==[^\n]*(?:\n    --hash[^\n]*)*", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    text = (PROJECT / file).read_text()
    return {canonicalize_name(match[1]): MARKER.sub("", match[0]) for match in PIN.finditer(text)}


PARTS = {"casa/requirements.txt": ("serve",), "pipeline/requirements.txt": ("serve", "train", "cluster")}


@pytest.mark.parametrize("file", PARTS)
def test_each_line_is_one_of_the_lock(file: str) -> None:
    assert pins(file).items() <= pins("requirements.lock").items()


@pytest.mark.parametrize("file", PARTS)
def test_nothing_that_is_needed_is_missing(file: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = [
        *project["dependencies"],
        *(one for part in PARTS[file] for one in project["optional-dependencies"][part]),
    ]
    assert {canonicalize_name(Requirement(one).name) for one in needed} <= set(pins(file))


@pytest.mark.parametrize("file", PARTS)
def test_no_index_is_named(file: str) -> None:
    assert "://" not in (PROJECT / file).read_text()
