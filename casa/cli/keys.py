"""`casa keys`: make, list and revoke API keys."""

from __future__ import annotations

import json
import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli.actor import actor
from casa.cli.keyring import Shelf, opened
from casa.errors import InvalidKeySource, InvalidSettings
from casa.settings import Settings

if TYPE_CHECKING:  # the database's libraries take half a second: only the commands that need them load them
    from casa.access.record import Grant, Record

app = typer.Typer(name="keys", help="Make, list and revoke API keys.", no_args_is_help=True)

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def _lifetime(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise typer.BadParameter("write a number and d, h or m, as in 90d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _client(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) is None:
        raise typer.BadParameter("write up to 64 letters, digits, dots, dashes and underscores")
    return name


def _quota(text: str | None) -> str | None:
    from casa.access.quota import parse_quota

    try:
        if text is not None:
            parse_quota(text)
    except InvalidSettings as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _scopes(names: list[str]) -> list[str]:
    from casa.access.keys import SCOPES

    for name in names:
        if name not in SCOPES:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(SCOPES)}")
    return list(dict.fromkeys(names))


Client = Annotated[
    str, typer.Option(metavar="NAME", help="Whose key it is; the quota is the client's.", callback=_client)
]
Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope", metavar="SCOPE", help="predict, feedback, monitor or admin; may be repeated.", callback=_scopes
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="RATE",
        help="Calls of the client, as 100/minute (second, hour, day) or unlimited. Without it, as the client has it.",
        callback=_quota,
    ),
]
Lifetime = Annotated[
    timedelta | None,
    typer.Option(metavar="TIME", help="How long it lives: 90d, 12h, 30m; else for ever.", parser=_lifetime),
]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="PATH", help="A keys file instead of the database; CASA_KEYS_FILE if that is set."),
]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A Secret of Kubernetes, as the chart makes it; in CASA_NAMESPACE if that is set.",
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep", metavar="ENTRY", help="Keep the key in this entry of the Secret, once, and do not print it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print {key, record} as JSON.")]


@app.command()
def create(
    client: Client,
    scope: Scopes = ["predict"],  # noqa: B006 - typer copies it
    quota: Rate = None,
    expires: Lifetime = None,
    file: File = None,
    secret: Secret = None,
    keep: Keep = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Make a key and print it, this once.

    Example: casa keys create --client acme --scope predict --quota 1000/hour --expires 90d
    """
    from casa.access.record import Grant

    now = datetime.now(UTC)
    with opened(file=file, secret=secret) as (settings, shelf):
        until = None if expires is None else now + expires
        told = {
            "client": client,
            "scopes": scope,
            "quota": quota or _inherited(shelf, client, now=now),
            "expires": until,
        }
        grant = Grant.model_validate(told)
        if keep:
            _keep(shelf, grant, entry=keep, now=now)
            return
        token, record = _make(settings, shelf, grant, now=now)
        shelf.add(record, actor=actor())
    if as_json:
        typer.echo(json.dumps({"key": token, "record": record.model_dump(mode="json")}))
    else:
        typer.echo(token)
    typer.echo(_described(record), err=True)


@app.command(name="list")
def show(file: File = None, secret: Secret = None) -> None:
    """Show all keys: a table on a terminal, JSON in a pipe.

    Example: casa keys list
    """
    now = datetime.now(UTC)
    with opened(file=file, secret=secret) as (_, shelf):
        rows = [_row(record, now) for record in shelf.read()]
    if not sys.stdout.isatty():
        typer.echo(json.dumps(rows, default=datetime.isoformat))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "client", "scopes", "quota", "created", "expires", "state")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    Console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `casa keys list` shows it.")],
    *,
    file: File = None,
    secret: Secret = None,
) -> None:
    """Close a key for good: services refuse it within 5 seconds.

    Example: casa keys revoke 3fQ9xLkT
    """
    with opened(file=file, secret=secret) as (_, shelf):
        shelf.revoke(key_id, actor=actor(), now=datetime.now(UTC))
    typer.echo(f"key {key_id} is revoked", err=True)


def _inherited(shelf: Shelf, client: str, *, now: datetime) -> str:
    from casa.access.record import live_quota

    try:
        return live_quota(shelf.read(), client, now=now)
    except InvalidKeySource:  # no file yet; a broken one is said when the key is added
        return live_quota((), client, now=now)


def _keep(shelf: Shelf, grant: Grant, *, entry: str, now: datetime) -> None:
    """Make a key for those who read the Secret. A second time changes nothing: an upgrade must not change a key."""
    from casa.access.key_secret import KeySecret
    from casa.access.record import make_key

    if not isinstance(shelf, KeySecret):
        raise typer.BadParameter("--keep needs --secret")
    if shelf.holds(entry):
        typer.echo(f"{shelf.place} has {entry} already", err=True)
        return
    token, record = make_key(grant, pepper=shelf.pepper().encode(), random=secrets.SystemRandom(), now=now)
    shelf.keep(record, token, entry=entry)
    typer.echo(f"key {record.id} of {record.client} is kept as {entry} in {shelf.place}", err=True)


def _make(settings: Settings, shelf: Shelf, grant: Grant, *, now: datetime) -> tuple[str, Record]:
    from casa.access.key_secret import KeySecret
    from casa.access.pepper import find_pepper, keep_pepper
    from casa.access.record import make_key

    pepper = shelf.pepper().encode() if isinstance(shelf, KeySecret) else find_pepper(settings)
    if pepper is None and (settings.keys_file or settings.database_url):
        raise InvalidSettings("set CASA_KEY_PEPPER as the service has it: with another pepper the key opens nothing")
    return make_key(grant, pepper=pepper or keep_pepper(settings), random=secrets.SystemRandom(), now=now)


def _described(record: Record) -> str:
    until = "until " + record.expires.strftime("%Y-%m-%d %H:%M UTC") if record.expires else "for ever"
    quota, scopes = record.quota, ", ".join(record.scopes)
    return f"key {record.id} of {record.client} ({scopes}; {quota}; {until}). It is not shown again: keep it now."


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return ", ".join(value) if isinstance(value, tuple) else str(value or "never")


def _row(record: Record, now: datetime) -> dict[str, object]:
    state = "revoked" if record.revoked else "live" if record.key().opens(now) else "expired"
    return {**record.model_dump(include={"id", "client", "scopes", "quota", "created", "expires"}), "state": state}
