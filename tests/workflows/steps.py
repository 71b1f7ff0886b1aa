"""The shell steps of the workflows.

A step that needs something outside of this folder says what, in its environment's NEEDS; every other one runs anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

GITHUB = Path(__file__).parents[2] / ".github"
FILES = [*sorted(GITHUB.glob("workflows/*.yml")), *sorted(GITHUB.glob("actions/*/action.yml"))]


class Step(NamedTuple):
    """One `run:` of a job."""

    place: str
    run: str
    needs: str
    """What it needs from outside; empty if nothing."""


def read(path: Path) -> dict[str, Any]:
    """A workflow or an action; YAML takes the key `on` for a truth."""
    return {str(key): value for key, value in yaml.safe_load(path.read_text()).items()}


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow; an action's steps are one."""
    told = read(path)
    return told.get("jobs") or {"steps": told["runs"]}


def uses(path: Path) -> Iterator[str]:
    """Every action that a file uses."""
    for job in jobs(path).values():
        yield from (step["uses"] for step in job["steps"] if "uses" in step)


def steps() -> Iterator[Step]:
    """Every shell step, in order."""
    for path in FILES:
        for name, job in jobs(path).items():
            for step in job["steps"]:
                if "run" in step:
                    yield Step(f"{path.stem}:{name}", step["run"].strip(), step.get("env", {}).get("NEEDS", ""))
