"""A copy of the project, as git would clone it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def copy_project(folder: Path) -> None:
    """What git knows and what it would, with the environment of this copy."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, folder / name)  # with its time, so that make knows the environment is ready
    (folder / ".venv").symlink_to(PROJECT / ".venv")
