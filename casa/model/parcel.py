"""A bundle as one piece of bytes, for places that keep no folders, and back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from casa.errors import InvalidBundle
from casa.model.bundle import LARGEST_FILE


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip archive, the same bytes for the same files. PostgreSQL compresses it, so it does not."""
    target = io.BytesIO()
    with ZipFile(target, "w") as archive:
        for name in sorted(files):
            archive.writestr(ZipInfo(name), files[name])
    return target.getvalue()


def unpack(parcel: bytes) -> dict[str, bytes]:
    """The files of an archive; InvalidBundle if it is none, or holds one that is larger than a bundle's may be."""
    try:
        with ZipFile(io.BytesIO(parcel)) as archive:
            if any(entry.file_size > LARGEST_FILE for entry in archive.infolist()):
                raise InvalidBundle("the archive holds a file larger than any of a bundle")
            return {name: archive.read(name) for name in archive.namelist()}
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:  # all that zipfile has for damage
        raise InvalidBundle("the archive is damaged") from error


def lay(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files by their names, which are not trusted; InvalidBundle if one leads out of the folder."""
    for name, content in files.items():
        path = folder / inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def inside(name: str) -> PurePosixPath:
    """A file's name as a path that stays in its folder; InvalidBundle if it does not."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.name or ".." in path.parts or "\\" in name or "\0" in name:
        raise InvalidBundle(f"a file of a bundle cannot be called {name!r}")
    return path
