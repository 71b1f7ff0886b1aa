"""The model that a command uses: the one the service would serve."""

from __future__ import annotations

from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.store import open_store
from casa.settings import load_settings


def load_served() -> Bundle:
    """The model of CASA_MODEL_VERSION, else the champion; NotFound or InvalidBundle says what to do."""
    folder = open_store().find(load_settings().model_version)
    return bundle.load(folder, expect=folder.parent.name)
