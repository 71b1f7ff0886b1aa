"""The models kept on this machine, in the BentoML model store, and which of them is the champion."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from casa.errors import InvalidBundle, NotFound
from casa.model import bundle
from casa.telemetry import opt_out

FOLDER = "bundle"
CHAMPION = "champion"
LEAST_PREFIX = 4


@dataclass(frozen=True)
class Entry:
    """One model in the store."""

    version: str
    folder: Path
    champion: bool

    @property
    def created(self) -> datetime:
        """When it was saved here, in this machine's time zone."""
        return datetime.fromtimestamp(self.folder.stat().st_mtime).astimezone()


class Store:
    """Bundles by version, as the BentoML model `casa:<version>`, each checked before it is used.

    The champion is a small file beside them: BentoML keeps its own `latest` there the same way,
    but the latest model is not always the best one.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._models = home / "models" / bundle.NAME

    def save(self, folder: Path) -> str:
        """Keep the bundle in `folder`; returns its version. A model that is there and whole is left alone."""
        version = bundle.load(folder).version
        if self.is_whole(version):
            return version
        shutil.rmtree(self._models / version, ignore_errors=True)
        self._create(version, folder)
        return version

    def is_whole(self, version: str) -> bool:
        """Is this version here, every byte as its manifest says, and known to BentoML?"""
        folder = self._models / version
        try:
            return bool(bundle.load(folder / FOLDER, expect=version)) and (folder / "model.yaml").is_file()
        except InvalidBundle:
            return False

    def find(self, version: str | None = None) -> Path:
        """The folder of a version's bundle, of the champion's without one; NotFound says what to do."""
        wanted = version or self.champion
        if wanted is None:
            raise NotFound("there is no model yet: `make run` or `dvc repro` makes one")
        folder = self._models / wanted / FOLDER
        if not folder.is_dir():
            raise NotFound(f"model {wanted} is not in the store; `casa models list` shows what is")
        return folder

    def entries(self) -> list[Entry]:
        """All models of the store, the newest first."""
        champion = self.champion
        folders = [path for path in self._models.glob(f"*/{FOLDER}") if (path / bundle.MANIFEST).is_file()]
        found = [Entry(path.parent.name, path, path.parent.name == champion) for path in folders]
        return sorted(found, key=lambda entry: entry.created, reverse=True)

    def resolve(self, prefix: str) -> str:
        """The one version that begins with `prefix` (`champion` is one, too); NotFound if none or several do."""
        if prefix == CHAMPION and self.champion:
            return self.champion
        versions = [entry.version for entry in self.entries() if entry.version.startswith(prefix)]
        if len(versions) != 1 or len(prefix) < LEAST_PREFIX:
            raise NotFound(f"{len(versions)} models begin with {prefix!r}; `casa models list` shows them")
        return versions[0]

    @property
    def champion(self) -> str | None:
        """The version to serve where none is asked for."""
        try:
            return (self._models / CHAMPION).read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    @property
    def only(self) -> str | None:
        """The version, where it is the one there is: an image's own."""
        versions = [entry.version for entry in self.entries()]
        return versions[0] if len(versions) == 1 else None

    def crown(self, version: str) -> None:
        """Make `version` the champion, from one moment to the next."""
        self.find(version)
        handle, draft = tempfile.mkstemp(prefix=f".{CHAMPION}-", dir=self._models)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(version + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(self._models / CHAMPION)
        structlog.get_logger().info("champion", version=version)

    def _create(self, version: str, folder: Path) -> None:
        opt_out()
        import bentoml
        from bentoml._internal.models.model import ModelStore

        # BentoML settles its own store once a process; ours is the one of this object.
        place = ModelStore(self._models.parent)
        with bentoml.models.create(f"{bundle.NAME}:{version}", _model_store=place) as model:
            shutil.copytree(folder, Path(model.path) / FOLDER)


def open_store() -> Store:
    """The store where BentoML keeps it: $BENTOML_HOME, or `bentoml` in the user's home."""
    return Store(Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml"))
