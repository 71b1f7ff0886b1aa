"""`casa drift`: how far the houses of a running service have moved from those of the training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from casa.transports.schema import ColumnDrift, Drift

BARS = "▁▂▃▄▅▆▇█"
TITLES = ("score", "PSI", "KS", "missing", "outside")


def drift(
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its address; unless given, this machine's service.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")] = False,
) -> None:
    """Show how far the houses that a service prices have moved: a table on a terminal, JSON in a pipe.

    A service that keeps this to itself wants a key with the scope `monitor`, in CASA_API_KEY.

    Example: casa drift --url http://127.0.0.1:3000
    """
    found = _ask(url)
    if as_json or not console.is_terminal():
        console.answer(found.model_dump_json(indent=2))
    else:
        console.stdout().print(_table(found))


def _ask(url: str | None) -> Drift:
    from casa.client import Client, Patience
    from casa.settings import load_settings

    with Client(url or f"http://127.0.0.1:{load_settings().http_port}", patience=Patience(tries=1)) as client:
        return client.drift()


def _table(found: Drift) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, caption=_caption(found), caption_justify="left")
    table.add_column("")
    for title in TITLES:
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("training", "now", ""):
        table.add_column(title, no_wrap=True)
    for name, column in (*found.features.items(), ("price", found.prices)):
        table.add_row(name, *_cells(column), _mark(column))
    return table


def _caption(found: Drift) -> str:
    enough = "" if found.enough else ", too few to tell"
    since = f"; drifted since {found.since[:16].replace('T', ' ')} UTC" if found.since else ""
    return f"{found.rows:,} houses{enough}{since}"


def _cells(column: ColumnDrift) -> Iterable[str]:
    figures = _figure(column.score), _figure(column.psi), _figure(column.ks)
    return (*figures, _share(column.missing), _share(column.out_of_range), _bars(column.reference), _bars(column.now))


def _mark(column: ColumnDrift) -> Text:
    from rich.text import Text

    return Text("drifted" if column.alert else "", style="red")


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"


def _bars(shares: Sequence[float]) -> str:
    """A bar for each bin, the last one for missing values; the highest is full."""
    most = max(shares) or 1.0
    return "".join(BARS[round(share / most * (len(BARS) - 1))] for share in shares)
