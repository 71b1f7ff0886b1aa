"""The commit that is shipped: its time stands in for the clock, so that a rebuild gives the same bytes."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path


def git(*words: str, folder: Path) -> str:
    """What `git WORDS` prints, without the last line's end; SystemExit with git's own words if it fails."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def epoch(folder: Path) -> int:
    """Seconds of the last commit, as SOURCE_DATE_EPOCH counts them."""
    return int(git("log", "-1", "--format=%ct", folder=folder))


def committed(folder: Path) -> datetime:
    """When the last commit was made."""
    return datetime.fromtimestamp(epoch(folder), UTC)
