"""`casa` as a shell starts it: in this process where that will do, else in one of its own."""

from __future__ import annotations

import csv
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from typer.testing import CliRunner, Result

from casa.cli.main import app
from casa.house import HOUSE

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = {name: f"{value:g}" for name, value in HOUSE.example.items()}


def casa(*words: str | Path, stdin: str | bytes | None = None) -> Result:
    """What one command answers, its stdout being no terminal."""
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def start(*words: str | Path, folder: Path, **streams: int) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "casa.cli.main", *map(str, words)]
    return subprocess.Popen(command, cwd=folder, env=environ, text=True, **streams)


def at_terminal(*words: str | Path, folder: Path) -> tuple[int, str]:
    """Exit code and output of a command that runs on a terminal."""
    ours, theirs = pty.openpty()
    process = start(*words, folder=folder, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 4096):
            output += chunk
    except OSError:  # Linux says so that the other end is closed
        pass
    os.close(ours)
    return process.wait(), output.decode()


def write_csv(path: Path, houses: Sequence[Mapping[str, str]]) -> Path:
    """A CSV file of houses, with the first one's columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(houses[0]))
        lines.writeheader()
        lines.writerows(houses)
    return path
