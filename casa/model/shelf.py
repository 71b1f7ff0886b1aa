"""The shelf: bundles in Casa's database, so that a new replica finds its model while MLflow is away."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from casa.database import alone, reading
from casa.errors import InvalidBundle, NotFound
from casa.model import bundle
from casa.model.parcel import lay, pack, unpack
from casa.schema import MODELS


class Shelf:
    """The table `models`: a row a version, a few MB each. `put` needs a migrated database; all else does without."""

    place = "the shelf"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, folder: Path) -> str:
        """Keep the bundle in `folder`, checked, in place of what has its version; returns the version."""
        found = bundle.load(folder)
        content = pack({**found.files, bundle.MANIFEST: (folder / bundle.MANIFEST).read_bytes()})
        row = {"version": found.version, "created": datetime.now(UTC), "digest": _digest(content), "content": content}
        with alone(self._engine) as connection:
            connection.execute(delete(MODELS).where(MODELS.c.version == found.version))
            connection.execute(insert(MODELS), row)
        return found.version

    def has(self, version: str) -> bool:
        """Is there a row of this version?"""
        with reading(self._engine) as connection:
            return connection.execute(select(MODELS.c.version).where(MODELS.c.version == version)).first() is not None

    def take(self, version: str, folder: Path) -> None:
        """Write the bundle of `version` as `folder`, checked; NotFound if it is not here, InvalidBundle if damaged."""
        with reading(self._engine) as connection:
            wanted = select(MODELS.c.digest, MODELS.c.content).where(MODELS.c.version == version)
            row = connection.execute(wanted).first()
        if row is None:
            raise NotFound("it has no such model")
        if _digest(row.content) != row.digest:
            raise InvalidBundle("its copy is damaged")
        lay(unpack(row.content), folder)
        bundle.load(folder, expect=version)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
