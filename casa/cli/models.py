"""`casa models`: what is in the store, how it gets there, and which model is served."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casa.cli import console, pull
from casa.errors import CasaError, InvalidBundle, InvalidTable

if TYPE_CHECKING:
    from rich.table import Table

    from casa.house import Array
    from casa.model.bundle import Bundle
    from casa.model.store import Entry

app = typer.Typer(help="List, show, promote, export and pull models.", no_args_is_help=True)

Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="Its twelve digits, the first four or more of them, or champion.")
]
MAX_BYTES = 200 * 1024 * 1024
AsJson = Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")]


@app.command(name="list")
def show_all(*, as_json: AsJson = False) -> None:
    """Show all models of the store: a table on a terminal, JSON in a pipe.

    Example: casa models list
    """
    from casa.model.store import open_store

    entries = open_store().entries()
    facts = [_facts(entry, short=_short(entry.version, [one.version for one in entries])) for entry in entries]
    if as_json or not console.is_terminal():
        console.answer(json.dumps(facts, indent=2))
    elif facts:
        console.stdout().print(_table(facts))
    else:
        console.say("there is no model yet: `casa train --quick` makes one")


@app.command()
def show(version: Version = "champion", *, as_json: AsJson = False) -> None:
    """Show a model's card, metrics and lineage.

    Example: casa models show champion
    """
    from casa.model import bundle

    found = _load(version)
    papers = {"metrics": found.document(bundle.METRICS), "lineage": found.document(bundle.LINEAGE)}
    if as_json or not console.is_terminal():
        console.answer(json.dumps({"version": found.version, **papers, "card": found.card}, indent=2))
        return
    from rich.markdown import Markdown
    from rich.pretty import Pretty

    terminal = console.stdout()
    terminal.print(Markdown(found.card))
    for name, paper in papers.items():
        terminal.print(Markdown(f"## {name.capitalize()}"), Pretty(paper, expand_all=True))


@app.command()
def promote(
    version: Version,
    *,
    rows: Annotated[
        Path, typer.Option(metavar="FILE.csv", help="Houses with prices that neither model has learned from.")
    ] = Path("data/test.csv"),
    force: Annotated[bool, typer.Option("--force", help="Make it the champion even if it is worse.")] = False,
) -> None:
    """Make a model the champion if it is better on the same held-out houses; the exit code is 1 if it is not.

    Example: casa models promote 3f2a --rows data/test.csv
    """
    from casa.model.promotion import promote as compare
    from casa.model.registry import Registry, tracking_uri
    from casa.model.store import open_store

    store = open_store()
    wanted = store.resolve(version)
    houses, prices = _read_held_out(rows)
    models = Registry(tracking_uri(Path.cwd()))
    with console.working("comparing it with the champion"), console.hushed():
        decision = compare(wanted, houses=houses, prices=prices, store=store, models=models, force=force)
    console.answer(f"model {wanted} is {'' if decision.promoted else 'not '}the champion: {decision.reason}")
    raise typer.Exit(0 if decision.promoted else 1)


@app.command()
def export(version: Version, folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Copy a model's files into a folder, whole and checked.

    Example: casa models export champion models/champion
    """
    from casa.model import bundle

    found, place = _load(version), folder.resolve()
    try:
        if place.exists() and any(place.iterdir()):
            raise CasaError(f"{folder} is not empty: choose a new folder")
        bundle.write(place, found.files)
    except OSError as error:
        raise CasaError(f"{folder} cannot be written: {error.strerror}") from error
    bundle.load(place, expect=found.version)
    console.answer(f"model {found.version} is in {folder}")


app.command()(pull.pull)


def _load(version: str) -> Bundle:
    from casa.model import bundle
    from casa.model.store import open_store

    store = open_store()
    wanted = store.resolve(version)
    return bundle.load(store.find(wanted), expect=wanted)


def _short(version: str, versions: Sequence[str]) -> str:
    """The fewest digits that name no other model."""
    from casa.model.store import LEAST_PREFIX

    lengths = range(LEAST_PREFIX, len(version))
    named = (version[:length] for length in lengths)
    return next((short for short in named if sum(one.startswith(short) for one in versions) == 1), version)


def _facts(entry: Entry, *, short: str) -> dict[str, Any]:  # of metrics.json, which the pipeline wrote
    from casa.model import bundle

    created = entry.created.isoformat("T", "seconds")
    facts = {"short": short, "version": entry.version, "created": created, "champion": entry.champion}
    try:
        metrics = bundle.load(entry.folder, expect=entry.version).document(bundle.METRICS)
    except InvalidBundle as error:
        return {**facts, "test_rmse": None, "trees": None, "trouble": str(error)}
    return {**facts, "test_rmse": metrics.get("test", {}).get("rmse"), "trees": metrics.get("trees"), "trouble": None}


def _table(facts: Sequence[Mapping[str, Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table("short", "version", "created", "champion", "test RMSE (95 %)", "trees", "", box=SIMPLE_HEAD)
    for model in facts:
        created = model["created"].replace("T", " ")[:16]
        mark, trees = "✓" if model["champion"] else "", str(model["trees"] or "")
        figures = (created, mark, _range(model["test_rmse"]), trees)
        table.add_row(model["short"], model["version"], *figures, Text(model["trouble"] or ""))
    return table


def _range(figure: Mapping[str, float] | None) -> str:
    if not figure:
        return ""
    value = f"{figure['value']:.3f}"
    return f"{value} ({figure['low']:.3f} to {figure['high']:.3f})" if {"low", "high"} <= set(figure) else value


def _read_held_out(path: Path) -> tuple[Array, Array]:
    """Houses (n, features) and prices (n,); InvalidTable if there is nothing to compare models on."""
    import numpy as np

    from casa.house import HOUSE
    from casa.table import open_table, read_columns, read_file

    name = str(path)
    table = open_table(read_file(path, name=name, max_bytes=MAX_BYTES), name=name)
    values = np.column_stack(list(read_columns(table, HOUSE.columns, name=name).values()))
    if not len(values) or np.isnan(values[:, -1]).any():
        raise InvalidTable(f"{name} must hold at least one house, and a price for each")
    return values[:, :-1], values[:, -1]
