"""Where `casa keys` finds the keys: the database, a file or a Secret of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from casa.errors import CasaError
from casa.settings import Settings, load_settings

if TYPE_CHECKING:  # the database's libraries take half a second: only the commands that need them load them
    from casa.access.record import Record


class Shelf(Protocol):
    """Where keys are kept."""

    def read(self) -> Sequence[Record]: ...
    def add(self, record: Record, *, actor: str) -> None: ...
    def revoke(self, key_id: str, *, actor: str, now: datetime) -> None: ...


@contextmanager
def opened(*, file: Path | None, secret: str | None) -> Iterator[tuple[Settings, Shelf]]:
    """The settings, and the keys; a CasaError ends the command with its sentence."""
    try:
        if file and secret:
            raise typer.BadParameter("--file and --secret are two places: choose one")
        settings = load_settings()
        settings = settings.model_copy(update={"keys_file": file or settings.keys_file})
        with _in_cluster(settings, secret) if secret else _here(settings) as shelf:
            yield settings, shelf
    except CasaError as error:
        typer.echo(f"casa: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def _in_cluster(settings: Settings, name: str) -> Iterator[Shelf]:
    from casa.access.key_secret import KeySecret
    from casa.rollout.cluster import open_cluster

    cluster = open_cluster(settings.namespace)
    try:
        yield KeySecret(cluster, name)
    finally:
        cluster.api.close()


@contextmanager
def _here(settings: Settings) -> Iterator[Shelf]:
    from casa.access.key_file import KeyFile
    from casa.access.key_table import KeyTable
    from casa.database import open_database
    from casa.migration import migrate

    if settings.keys_file is not None:
        yield KeyFile(settings.keys_file)
        return
    engine = open_database(settings)
    try:
        migrate(engine)
        yield KeyTable(engine)
    finally:
        engine.dispose()
