"""`casa monitoring`: what the calls of a service add up to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console

if TYPE_CHECKING:
    from rich.table import Table

    from casa.transports.schema import Monitoring

NONE = "—"


def monitoring(
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its address; unless given, this machine's service.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")] = False,
) -> None:
    """Show what a service's replicas have answered, how fast, and how right: a table on a terminal, JSON in a pipe.

    It wants a key with the scope `monitor`, in CASA_API_KEY.

    Example: casa monitoring --url http://127.0.0.1:3000
    """
    found = _ask(url)
    if as_json or not console.is_terminal():
        console.answer(found.model_dump_json(indent=2))
    else:
        console.stdout().print(_table(found))


def _ask(url: str | None) -> Monitoring:
    from casa.client import Client, Patience
    from casa.settings import load_settings

    with Client(url or f"http://127.0.0.1:{load_settings().http_port}", patience=Patience(tries=1)) as client:
        return client.monitoring()


def _table(found: Monitoring) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_header=False)
    for name, figure in _lines(found):
        table.add_row(name, figure)
    return table


def _lines(found: Monitoring) -> Iterator[tuple[str, str]]:
    yield "predictions", f"{found.predictions:,}"
    yield "requests an hour", f"{found.requests_per_hour:,.1f}"
    yield "up for", f"{found.uptime_seconds:,.0f} s"
    for name, figure in found.latency_ms:
        yield f"latency, {name}", NONE if figure is None else f"{figure:,.2f} ms"
    yield "errors", ", ".join(f"{count:,} x {status}" for status, count in sorted(found.errors.items())) or NONE
    yield "prices as feedback", f"{found.feedback.count:,}"
    for name in ("rmse", "bias", "coverage"):
        yield name, _figure(getattr(found.feedback, name))
    yield "rmse as estimated", _figure(found.estimated_rmse)
    for reign in found.versions[-3:]:
        yield f"model {reign.version}", f"since {reign.since[:16].replace('T', ' ')} UTC"


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:.3g}"
