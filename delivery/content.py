"""Packages as the three places tell of them: a lock, Python's metadata, Debian's status file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from email import message_from_string
from typing import Any, NamedTuple
from urllib.parse import quote

from license_expression import ExpressionError, get_spdx_licensing
from packaging.utils import canonicalize_name

PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
PREFIX = "License :: OSI Approved :: "


class Package(NamedTuple):
    """A package that is inside."""

    name: str
    version: str
    purl: str
    licence: str = ""
    """As the package says it."""
    expression: str = ""
    """The same as an SPDX expression, if it is one."""
    hashes: tuple[str, ...] = ()
    """SHA-256 of each file it may be installed from."""


def locked(text: str) -> Iterator[Package]:
    """The pins of a requirements.lock."""
    for name, version, rest in PIN.findall(text):
        yield Package(name, version, _purl(name, version), hashes=tuple(HASH.findall(rest)))


def pythons(metadata: Iterable[Mapping[str, Any]]) -> Iterator[Package]:
    """Installed distributions, from their metadata as JSON (PEP 566)."""
    for told in metadata:
        name, version = canonicalize_name(told["name"]), told["version"]
        licence = told.get("license_expression") or _classified(told) or _first_line(told.get("license", ""))
        yield Package(name, version, _purl(name, version), licence, _spdx(licence))


def debian(status: str) -> Iterator[Package]:
    """Installed Debian packages, from dpkg's status file; their licences are in /usr/share/doc of the image."""
    for paragraph in filter(str.strip, status.split("\n\n")):
        fields = message_from_string(paragraph)
        if fields["Status"] == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            where = f"{quote(name)}@{quote(version)}?arch={fields['Architecture']}"
            yield Package(name, version, f"pkg:deb/debian/{where}")


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{canonicalize_name(name)}@{quote(version)}"


def _classified(told: Mapping[str, Any]) -> str:
    found = [one.removeprefix(PREFIX) for one in told.get("classifier", []) if one.startswith(PREFIX)]
    return " / ".join(found)


def _first_line(text: str) -> str:
    """Some packages put a whole licence where its name belongs."""
    return text.strip().split("\n")[0].strip()


def _spdx(licence: str) -> str:
    try:
        parsed = get_spdx_licensing().parse(licence, validate=True)
    except ExpressionError:
        return ""
    return "" if parsed is None else str(parsed)
