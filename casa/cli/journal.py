"""`casa journal`: take what is kept of predictions out, or away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console
from casa.cli.actor import actor
from casa.errors import CasaError

if TYPE_CHECKING:  # slow to import
    from sqlalchemy import Engine

app = typer.Typer(name="journal", help="Export or erase what is kept of predictions.", no_args_is_help=True)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new file that ends in .parquet.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")] = False,
) -> None:
    """Write all predictions to a Parquet file, each with the price it was sold for if that is known.

    Example: casa journal export predictions.parquet
    """
    from casa.monitoring.export import export

    if out.suffix.lower() != ".parquet":
        raise CasaError(f"{out} ends in {out.suffix or 'nothing'}: name a file that ends in .parquet")
    if out.is_dir() or (out.exists() and not overwrite):
        raise CasaError(f"{out} is there already: choose another OUT, or --overwrite it")
    with opened() as engine, _watching("exporting") as watch:
        rows = export(engine, out, watch=watch)
    console.answer(f"{rows:,} predictions")


@app.command()
def erase(
    client: Annotated[str, typer.Option(metavar="NAME", help="Whose houses and feedback are removed, for good.")],
) -> None:
    """Remove a client's predictions and feedback, and say so in the audit. Revoke its keys first, or it goes on.

    Example: casa journal erase --client acme
    """
    from casa.monitoring.removal import erase

    with opened() as engine, _watching("erasing") as watch:
        rows = erase(engine, client, actor=actor(), now=datetime.now(UTC), watch=lambda done: watch(done, 0))
    console.answer(f"{rows:,} predictions of {client} are erased")


@contextmanager
def opened() -> Iterator[Engine]:
    """The migrated database of the settings."""
    from casa.database import open_database
    from casa.migration import migrate
    from casa.settings import load_settings

    engine = open_database(load_settings())
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _watching(what: str) -> Iterator[Callable[[int, int], object]]:
    """A bar on a terminal; it only beats where nobody knows the total."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    terminal = console.stderr()
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
