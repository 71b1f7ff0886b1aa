"""Where a model comes from that the store does not hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from casa.errors import CasaError, NotFound
from casa.model.depot import Depot
from casa.model.store import FOLDER, Store
from casa.settings import Settings

SECONDS = 3
"""How long the database may take for a statement."""


class Source(Protocol):
    """A place that gives a version's bundle, checked against its version, or says why not."""

    @property
    def place(self) -> str: ...
    def take(self, version: str, folder: Path) -> None: ...


def pull(version: str, sources: Sequence[Source], *, store: Store, tell: Callable[[str], None]) -> str:
    """Bring a version into the store from the first place that gives it, whole; returns that place.

    `tell` gets a sentence for each place that does not. NotFound if none does.
    """
    for source in sources:
        try:
            with TemporaryDirectory(prefix="casa-pull-") as draft:
                source.take(version, Path(draft) / FOLDER)
                store.save(Path(draft) / FOLDER)
        except CasaError as error:
            tell(f"{source.place} does not give model {version}: {error}")
        else:
            return source.place
    asked = (
        " and ".join(source.place for source in sources) or "the store; set MLFLOW_TRACKING_URI or CASA_DATABASE_URL"
    )
    raise NotFound(f"model {version} could not be had from {asked}")


@contextmanager
def open_sources(settings: Settings) -> Iterator[list[Source]]:
    """MLflow's server and Casa's database, as far as they are named."""
    sources: list[Source] = []
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(("http://", "https://")):
        sources.append(Depot(uri, login=_login()))
    if settings.database_url is None:
        yield sources
        return
    from casa.database import open_database
    from casa.model.shelf import Shelf

    engine = open_database(settings, seconds=SECONDS)
    try:
        yield [*sources, Shelf(engine)]
    finally:
        engine.dispose()


def _login() -> tuple[str, str] | None:
    """As MLflow's own client finds it."""
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
    return (user, password) if user and password else None
