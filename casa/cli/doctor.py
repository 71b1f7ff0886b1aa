"""`casa doctor`: is everything here that Casa needs, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from casa.cli import console
from casa.errors import InvalidSettings

if TYPE_CHECKING:
    from casa.cli.checks import Check


def doctor() -> None:
    """Look whether everything is here that Casa needs, and tell what to do if not.

    The exit code is 1 if something is missing that serving needs.

    Example: casa doctor
    """
    sick = False
    with console.working("looking around"):
        for check in _checks():
            sick |= check.needed and bool(check.remedy)
            _tell(check)
    _tell_settings()
    raise typer.Exit(1 if sick else 0)


def _checks() -> Iterator[Check]:
    from casa.cli import checks
    from casa.cli.checks import Check
    from casa.settings import load_settings

    yield checks.check_python()
    yield from checks.check_packages()
    try:
        settings = load_settings()
    except InvalidSettings as error:
        yield Check("settings", str(error), "correct or unset it; all settings are listed below")
    else:
        yield Check("settings", "valid")
        yield from checks.check_ports(settings)
        yield from checks.check_folders(settings)
        yield checks.check_model()
    yield checks.check_mlflow()
    yield from checks.check_programs()


def _tell(check: Check) -> None:
    mark, style = ("✗", "red" if check.needed else "yellow") if check.remedy else ("✓", "green")
    line = Text.assemble((mark, style), f" {check.name}: {check.found}")
    console.stdout().print(line, soft_wrap=True)
    if check.remedy:
        console.stdout().print(Text(f"    {check.remedy}", style="italic"), soft_wrap=True)


def _tell_settings() -> None:
    """Every setting with its value and sentence; a secret only as set or not."""
    from casa.settings import PREFIX, load_settings, sentences

    try:
        values = {name: _shown(value) for name, value in load_settings()}
    except InvalidSettings:
        values = {}  # one of them is wrong, and so perhaps a secret in the wrong place
    console.answer("")
    for name, sentence in sentences().items():
        console.stdout().print(Text(f"{PREFIX}{name.upper()} = {values.get(name, '?')}", style="bold"), soft_wrap=True)
        console.answer(f"    {sentence}")


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)
