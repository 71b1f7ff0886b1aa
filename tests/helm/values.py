"""The chart's values with their sentences; `python -m tests.helm.values` writes them into the chart's README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CHART = Path(__file__).parents[2] / "helm/casa"
KEY = re.compile(r"^( *)([A-Za-z]+):( .*)?$")
BEGIN, END = "<!-- values -->\n", "<!-- end of values -->"


class Value(NamedTuple):
    """One value of the chart."""

    path: str
    sentence: str
    default: Any  # whatever YAML can hold


def leaves(tree: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value that is no section. A value may be a map: then its sentence stands above it, not in it."""
    commented = set(sentences())
    for name, value in tree.items():
        path = (*above, name)
        if isinstance(value, dict) and path not in commented:
            yield from leaves(value, path)
        else:
            yield path, value


def sentences() -> dict[tuple[str, ...], str]:
    """The comment right above each key of values.yaml."""
    found, path, comment = {}, list[str](), list[str]()
    for line in (CHART / "values.yaml").read_text().splitlines():
        if line.lstrip().startswith("# "):
            comment.append(line.strip("# "))
            continue
        if key := KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                found[tuple(path)] = " ".join(comment)
        comment = []
    return found


def values() -> list[Value]:
    """All of them, in their order."""
    told = sentences()
    tree = yaml.safe_load((CHART / "values.yaml").read_text())
    return [Value(".".join(path), told.get(path, ""), default) for path, default in leaves(tree)]


def table() -> str:
    """The table of the README."""
    rows = [f"| `{one.path}` | `{_short(one.default)}` | {one.sentence} |\n" for one in values()]
    return "".join(["| value | default | |\n", "|---|---|---|\n", *rows])


def _short(default: Any) -> str:
    return json.dumps(default, separators=(", ", ": ")).replace("|", "\\|")


def told(readme: str) -> str:
    """The README with the table as it should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    page = CHART / "README.md"
    page.write_text(told(page.read_text()))
