"""`dvc` as a child of a command."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from casa.cli.child import FORWARDED, Child
from casa.errors import CasaError


def dvc(*words: str, folder: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run `dvc` in a folder, as a user would; CasaError if it fails, typer.Exit if it was stopped."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which("dvc", path=path)
    if program is None:
        raise CasaError("the pipeline needs dvc: `make setup` in the project, or its wheel with [train]")
    before = {number: signal.getsignal(number) for number in FORWARDED}
    named = {"LOGNAME": "casa", **os.environ}  # dvc asks for the user's name, and a container's user has none
    child = Child([program, *words], folder=folder, environ={**named, "PATH": path, **(environ or {})})
    code = child.wait()
    for number, handler in before.items():  # signals are ours again: what comes next may be stopped, too
        signal.signal(number, handler)
    if child.stopped_by is not None:
        raise typer.Exit(128 + child.stopped_by)
    if code:
        raise CasaError(
            f"`dvc {words[0]}` ended with exit code {code}: the lines above tell which stage failed and why"
        )
