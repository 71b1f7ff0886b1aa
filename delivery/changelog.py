"""CHANGELOG.md: what is unreleased becomes a version, dated."""

from __future__ import annotations

import re
from datetime import date

OPEN = "## Unreleased\n"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def close(text: str, version: str, *, day: date) -> str:
    """The text with what is unreleased under the version and its day; ValueError if that cannot be."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version: it must be like 1.2.3")
    if f"## {version} - " in text:
        raise ValueError(f"the changelog has {version} already")
    before, found, after = text.partition(OPEN)
    if not found or not after.partition("\n## ")[0].strip():
        raise ValueError("the changelog has nothing unreleased")
    return f"{before}{OPEN}\n## {version} - {day:%Y-%m-%d}\n{after}"


def notes(text: str, version: str) -> str:
    """What the changelog says of a version."""
    _, found, after = text.partition(f"## {version} - ")
    if not found:
        raise ValueError(f"the changelog has no {version}")
    return after.partition("\n")[2].partition("\n## ")[0].strip()
