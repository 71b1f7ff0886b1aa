"""Files only their owner can read: the database, the pepper, keys."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; one that is there keeps its mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private(path: Path) -> None:
    """Make an empty file with mode 0600, unless it is there.

    One that is there is not even opened: closing it would end every lock this process has on it, SQLite's too.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o600))
    except FileExistsError as error:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from error


def write_private(path: Path, text: str) -> None:
    """Replace a file at once: a reader sees the old text or the new, never half of it."""
    path = path.resolve()  # a link stays a link
    draft = _draft(path, text)
    try:
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def keep_private(path: Path, text: str) -> str:
    """Write a file unless it is there, and return what it holds: of two at once, one text wins for both."""
    make_folder(path.parent)
    draft = _draft(path, text)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return path.read_text("ascii")
    finally:
        draft.unlink()
    return text


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
