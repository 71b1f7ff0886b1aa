"""Where a retraining's models are served when there is no cluster: by whoever starts a service on this machine."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from casa.errors import LockTaken
from casa.model.registry import CHAMPION, Registry
from casa.model.store import Store
from casa.private_file import make_folder

LOCK = "retrain.lock"


class MachineSite:
    """This machine's store. A service that is started after a promotion serves the champion.

    In an image that has none yet, its own model is the champion: whoever serves the image serves that.
    """

    deploy = None

    def __init__(self, store: Store, models: Registry, *, image: Store | None = None) -> None:
        self._store = store
        self._models = models
        self._image = image

    def settle(self) -> None:
        """There is nothing that could be half done."""

    def champion(self) -> str | None:
        """The champion. MLflow's alias moves first: where a run ended between the two, the alias is right."""
        alias = self._models.alias(CHAMPION)
        if alias and self._store.is_whole(alias):
            return alias
        return self._store.champion or (self._image.only if self._image else None)

    def bring(self, version: str) -> None:
        """The image's own model into the store; NotFound if it is in neither."""
        if self._image and self._image.is_whole(version):
            self._store.save(self._image.find(version))
        self._store.find(version)

    def follow(self) -> None:
        """Let MLflow's champion be the store's."""
        version = self._store.champion
        if version and self._models.alias(CHAMPION) != version:
            self._models.name(CHAMPION, version, reason="it is this machine's champion")

    def refusal(self, version: str) -> str | None:
        """Nothing is ever taken back here."""
        del version
        return None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other retrainings of this folder out; LockTaken if there is one. The kernel lets go when a process ends."""
    make_folder(folder)
    with (folder / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LockTaken("another process on this machine") from error
        yield
