"""How a benchmark shows its figures."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
LIBRARIES = ("bentoml", "onnxruntime", "xgboost-cpu", "numpy")


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table of figures; numbers to the right."""
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*map(_cell, row))
    Console(width=120).print(table)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def publish(name: str, command: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Put a table into docs/performance.md, between the marks of its name, with the machine and the command."""
    lines = [f"`{command}`", "", f"{machine()}:", "", _line(header), _line(["---", *["--:"] * (len(header) - 1)])]
    lines += [_line([*row, *[""] * (len(header) - len(row))]) for row in rows]
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{PAGE.name} has no place for {name}")
    PAGE.write_text("\n".join([f"{before}{begin}", *lines, f"{end}{after}"]))


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def machine() -> str:
    """The machine and the versions that a figure was measured with."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, {libraries}"
