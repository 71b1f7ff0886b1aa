"""`casa predict`: the houses of a CSV file with their prices."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from casa.cli import console
from casa.errors import InvalidTable

if TYPE_CHECKING:
    from casa.cli.outcome import Outcome
    from casa.model.bundle import Bundle

MAX_BYTES = 16 * 1024 * 1024
MOST_NAMED = 10


class Format(StrEnum):
    """How prices are shown."""

    table = "table"
    csv = "csv"
    json = "json"


def predict(
    file: Annotated[str, typer.Argument(metavar="FILE.csv", help="A CSV file with a header; - reads stdin.")],
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Tell what each feature adds to the price.")] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Unless given: a table on a terminal, CSV in a pipe.")
    ] = None,
) -> None:
    """Price the houses of a CSV file.

    Its columns may stand in any order and case; those that are no feature are left out. A bad row is named
    and spoils only itself; the exit code is 1 if no row could be priced.

    Example: casa predict houses.csv --explain
    """
    outcomes, model = _price(_open(file), name="stdin" if file == "-" else file, explain=explain)
    _show(outcomes, model, explain=explain, form=form or (Format.table if console.is_terminal() else Format.csv))
    priced = sum(outcome.price is not None for outcome in outcomes)
    if priced < len(outcomes):
        console.say(f"{priced} of {len(outcomes)} rows priced; the others break a rule")
    raise typer.Exit(0 if priced else 1)


def _open(file: str) -> BinaryIO:
    from casa.table import read_file

    if file != "-":
        return read_file(Path(file), name=file, max_bytes=MAX_BYTES)
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidTable(f"stdin brings more than {MAX_BYTES // 1024**2} MB: save it, and use `casa score`")
    return BytesIO(content)


def _price(file: BinaryIO, *, name: str, explain: bool) -> tuple[list[Outcome], Bundle]:
    from casa.cli.sheet import read_sheet

    sheet = read_sheet(file, name=name)
    if sheet.others:
        console.say(f"{name}: left out what is no feature of a house: {_listed(sheet.others)}")
    with console.working("pricing"):
        from casa.cli.outcome import price_sheet
        from casa.cli.served import load_served

        model = load_served()
        return price_sheet(sheet, model, explain=explain), model


def _listed(names: Sequence[str]) -> str:
    from casa.table import shorten

    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(shorten, names[:MOST_NAMED])) + more


def _show(outcomes: list[Outcome], model: Bundle, *, explain: bool, form: Format) -> None:
    from casa.cli import listing

    if form is Format.table:
        console.stdout().print(listing.as_table(outcomes, model))
    elif form is Format.csv:
        sys.stdout.write(listing.as_csv(outcomes, explain=explain))
    else:
        sys.stdout.write(listing.as_json(outcomes, model) + "\n")
