"""`casa models pull`: a model into the store, before a service starts that is to serve it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console
from casa.errors import CasaError, DatabaseUnavailable, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from stamina.instrumentation import RetryDetails

    from casa.model.store import Store
    from casa.settings import Settings


def twelve_digits(text: str | None) -> str | None:
    """A version as it is written, or a complaint about wrong usage."""
    if text and re.fullmatch(r"[0-9a-f]{12}", text) is None:
        raise typer.BadParameter("write all twelve digits, as in 3f2a9c01b7de")
    return text


def pull(
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION",
            help="Its twelve digits; unless given CASA_MODEL_VERSION, else the image's own.",
            callback=twelve_digits,
        ),
    ] = None,
    *,
    shelve: Annotated[
        bool,
        typer.Option("--shelve", help="Put it into the database, too: whoever retrains finds the image's own there."),
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long --shelve waits for a database that starts up.")
    ] = 60.0,
) -> None:
    """Bring a model into the store, whole and checked against its version.

    What the store or the image holds is left alone. Else it comes from MLflow (MLFLOW_TRACKING_URI), else from
    Casa's database (CASA_DATABASE_URL), where `casa rollout to` has put it. Neither is waited for long.

    Example: casa models pull 3f2a9c01b7de
    """
    from casa.model.store import Store, open_store
    from casa.settings import load_settings

    settings = load_settings()
    store = open_store()
    image = Store(settings.baked_home) if settings.baked_home else None
    wanted = version or settings.model_version or _own(image or store)
    holder = store
    if store.is_whole(wanted):
        where = "in the store"
    elif image is not None and image.is_whole(wanted):
        where, holder = "in the image", image
    else:
        where = f"in the store, from {_bring(wanted, store, settings)}"
    console.answer(f"model {wanted} is {where}")
    if shelve:
        _shelve(holder.find(wanted), wanted, settings=settings, seconds=wait)


def _shelve(folder: Path, version: str, *, settings: Settings, seconds: float) -> None:
    """On a first install the database starts beside us. If it stays away, the service says so better than this."""
    import stamina

    from casa.database import open_database

    engine = open_database(settings)
    stamina.instrumentation.set_on_retry_hooks([_tell])
    try:
        for attempt in stamina.retry_context(on=DatabaseUnavailable, attempts=None, timeout=seconds, wait_max=2.0):
            with attempt:
                _put(folder, version, engine)
    except DatabaseUnavailable as error:
        console.say(f"model {version} is not on the shelf: {error}")
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
        engine.dispose()


def _tell(details: RetryDetails) -> None:
    if details.retry_num == 1:
        console.say(f"{details.caused_by}; waiting for it")


def _put(folder: Path, version: str, engine: Engine) -> None:
    from casa.migration import migrate
    from casa.model.shelf import Shelf

    migrate(engine)
    shelf = Shelf(engine)
    if not shelf.has(version):
        shelf.put(folder)


def _own(store: Store) -> str:
    """What is served where no version is named: the champion, or the one model of an image."""
    version = store.champion or store.only
    if version is None:
        raise NotFound("no version is named: give one, or set CASA_MODEL_VERSION")
    return version


def _bring(version: str, store: Store, settings: Settings) -> str:
    from casa.model.supply import open_sources
    from casa.model.supply import pull as fetch

    try:
        with open_sources(settings) as sources:
            return fetch(version, sources, store=store, tell=console.say)
    except OSError as error:
        place = Path(error.filename or "the store")
        raise CasaError(f"{place} cannot be written: {error.strerror}; see BENTOML_HOME") from error
