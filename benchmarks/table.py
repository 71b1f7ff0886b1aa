"""How a benchmark shows its figures."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

LIBRARIES = ("bentoml", "onnxruntime", "xgboost-cpu", "numpy")


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table of figures; numbers to the right."""
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*(f"{cell:,.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=120).print(table)


def machine() -> str:
    """The machine and the versions that a figure was measured with."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, {libraries}"
