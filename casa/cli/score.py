"""`casa score`: prices for a Parquet or CSV file of any length."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console
from casa.errors import CasaError

if TYPE_CHECKING:
    from casa.batch.scorer import Tally, Watch
    from casa.model.pricer import Pricer

KINDS = (".csv", ".parquet")


def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A Parquet or CSV file, by the end of its name.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where the results go: .parquet or .csv.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")] = False,
) -> None:
    """Price a table of any length in little memory.

    OUT has the columns of IN, then price, low and high; a refused row has none. What was refused stands in a
    file beside it, OUT with .errors.csv for its ending: row, column, value and rule. OUT appears when it is whole.

    Example: casa score houses.parquet prices.parquet
    """
    errors = out.with_suffix(".errors.csv")
    _check(source, out, errors=errors, overwrite=overwrite)
    began = time.monotonic()
    tally = _score(source, out, errors=errors)
    seconds = time.monotonic() - began
    beside = f" ({errors})" if tally.refused else ""
    console.answer(f"{tally.rows:,} rows: {tally.priced:,} priced, {tally.refused:,} refused{beside}, {seconds:.1f} s")
    raise typer.Exit(0 if tally.priced else 1)


def _check(source: Path, out: Path, *, errors: Path, overwrite: bool) -> None:
    for path in (source, out):
        if path.suffix.lower() not in KINDS:
            raise CasaError(f"{path} ends in {path.suffix or 'nothing'}: name a file that ends in .csv or .parquet")
    if any(_is_same(source, path) for path in (out, errors)):
        raise CasaError(f"the results would overwrite {source}: choose another OUT")
    if out.is_dir() or (out.exists() and not overwrite):
        raise CasaError(f"{out} is there already: choose another OUT, or --overwrite it")


def _is_same(source: Path, path: Path) -> bool:
    return path.exists() and source.exists() and path.samefile(source)


def _score(source: Path, out: Path, *, errors: Path) -> Tally:
    from casa.batch.scorer import score
    from casa.batch.source import open_source

    with open_source(source) as table:
        with console.working("loading the model"):
            pricer = _pricer()
        with _watching(table.total) as watch:
            return score(table, out, errors=errors, pricer=pricer, watch=watch)


def _pricer() -> Pricer:
    from casa.cli.served import load_served
    from casa.model.pricer import Pricer

    return Pricer(load_served())


@contextmanager
def _watching(total: int) -> Iterator[Watch]:
    """A bar on a terminal that knows how much of `total` is read and how many rows a second are priced."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]:,.0f} rows/s")
    terminal = console.stderr()
    columns = (TextColumn("pricing"), BarColumn(), TaskProgressColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task, began = bar.add_task("", total=total, rate=0.0), time.monotonic()
        yield lambda tally, done: bar.update(task, completed=done, rate=tally.rows / (time.monotonic() - began))
