"""The licence of every package that is installed here, as each says it: build/licences.md.

Example: python -m delivery.licences
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path

from delivery.content import Package, pythons

PAGE = Path(__file__).parents[1] / "build" / "licences.md"
UNKNOWN = "not said"


def main(_argv: Sequence[str] = ()) -> None:
    """Write the list, and print how many packages each licence has."""
    found = {package.name: package for package in pythons(one.metadata.json for one in distributions())}
    packages = [found[name] for name in sorted(found)]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(packages), encoding="utf-8")
    for licence, count in Counter(_licence(package) for package in packages).most_common():
        print(f"{count:4} {licence}")


def page(packages: Iterable[Package]) -> str:
    """A table in Markdown."""
    rows = [f"| {one.name} | {one.version} | {_licence(one).replace('|', '/')} |" for one in packages]
    return "\n".join(["# Licences", "", "| package | version | licence |", "|---|---|---|", *rows, ""])


def _licence(package: Package) -> str:
    return package.expression or package.licence or UNKNOWN


if __name__ == "__main__":
    main(sys.argv[1:])
