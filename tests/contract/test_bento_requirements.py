"""What a Bento installs: the serving half of requirements.lock, the same versions with the same hashes.

`make lock` writes it; see the target's second command.
"""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]
MARKER = re.compile(r" ;.*?(?= \\)")
"""Where a package is needed; fewer packages need it in fewer places."""
PIN = re.compile(r"^([\w.-]+)==[^\n]*(?:\n    --hash[^\n]*)*", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    text = (PROJECT / file).read_text()
    return {canonicalize_name(match[1]): MARKER.sub("", match[0]) for match in PIN.finditer(text)}


def test_each_line_is_one_of_the_lock() -> None:
    assert pins("casa/requirements.txt").items() <= pins("requirements.lock").items()


def test_nothing_the_service_needs_is_missing() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["serve"]]
    assert {canonicalize_name(Requirement(one).name) for one in needed} <= set(pins("casa/requirements.txt"))


def test_no_index_is_named() -> None:
    assert "://" not in (PROJECT / "casa/requirements.txt").read_text()
