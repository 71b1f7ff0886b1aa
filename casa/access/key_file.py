"""Keys in a JSON file, `{"keys": [...]}`: what a Kubernetes Secret mounts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from casa.access.page import Page
from casa.access.record import Record
from casa.errors import InvalidKeySource
from casa.private_file import make_folder, write_private

MAX_BYTES = 16 * 1024 * 1024
"""Some 60,000 keys; more is not a keys file."""


class KeyFile:
    """A file of keys. It is replaced as a whole, so a reader never sees half of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = f"the keys file {path}"

    def mark(self) -> object:
        """A value that differs once the file has changed: its content's, so no link, clock or inode can hide it."""
        return sha256(self._load()).digest()

    def read(self) -> Sequence[Record]:
        """All keys, revoked ones too; InvalidKeySource if the file cannot be read or is not in its form."""
        return self._page().keys

    def add(self, record: Record, *, actor: str) -> None:  # noqa: ARG002 - a file has no audit
        """Keep a new key; the file is made if it is not there."""
        with self._locked():
            old = self._page() if self._path.exists() and self._path.stat().st_size else Page(keys=())
            self._write(old.add(record))

    def revoke(self, key_id: str, *, actor: str, now: datetime) -> None:  # noqa: ARG002
        """Close a key for good; NotFound if there is none of that id. A second time changes nothing."""
        with self._locked():
            old = self._page()
            if (new := old.revoke(key_id, now=now)) is not old:
                self._write(new)

    def close(self) -> None:
        """Nothing is held open."""

    def _page(self) -> Page:
        return Page.parse(self._load(), place=self.place)

    def _load(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise InvalidKeySource(f"{self.place} cannot be read: {error.strerror}") from error
        if len(content) > MAX_BYTES:
            raise InvalidKeySource(f"{self.place} is larger than {MAX_BYTES} bytes")
        return content

    def _write(self, page: Page) -> None:
        try:
            write_private(self._path, page.text())
        except OSError as error:
            raise InvalidKeySource(f"{self.place} cannot be written: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two commands at once would each write the file without the other's key."""
        if sys.platform == "win32":
            yield
            return
        import fcntl

        folder = self._open_folder()
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _open_folder(self) -> int:
        try:
            make_folder(self._path.parent)
            return os.open(self._path.resolve().parent, os.O_RDONLY)
        except OSError as error:
            raise InvalidKeySource(f"{self.place} cannot be written: {error.strerror}") from error
