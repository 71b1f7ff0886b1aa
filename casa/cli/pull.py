"""`casa models pull`: a model into the store, before a service starts that is to serve it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console
from casa.errors import CasaError, NotFound

if TYPE_CHECKING:
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
) -> None:
    """Bring a model into the store, whole and checked against its version.

    What the store or the image holds is left alone. Else it comes from MLflow (MLFLOW_TRACKING_URI), else from
    Casa's database (CASA_DATABASE_URL), where `casa rollout to` has put it. No place is waited for long.

    Example: casa models pull 3f2a9c01b7de
    """
    from casa.model.store import Store, open_store
    from casa.settings import load_settings

    settings = load_settings()
    store = open_store()
    image = Store(settings.baked_home) if settings.baked_home else None
    wanted = version or settings.model_version or _own(image or store)
    if store.is_whole(wanted):
        where = "in the store"
    elif image is not None and image.is_whole(wanted):
        where = "in the image"
    else:
        where = f"in the store, from {_bring(wanted, store, settings)}"
    console.answer(f"model {wanted} is {where}")


def _own(store: Store) -> str:
    """What is served where no version is named: the champion, or the one model of an image."""
    versions = [store.champion] if store.champion else [entry.version for entry in store.entries()]
    if len(versions) != 1:
        raise NotFound("no version is named: give one, or set CASA_MODEL_VERSION")
    return versions[0]


def _bring(version: str, store: Store, settings: Settings) -> str:
    from casa.model.supply import open_sources
    from casa.model.supply import pull as fetch

    try:
        with open_sources(settings) as sources:
            return fetch(version, sources, store=store, tell=console.say)
    except OSError as error:
        place = Path(error.filename or "the store")
        raise CasaError(f"{place} cannot be written: {error.strerror}; see BENTOML_HOME") from error
