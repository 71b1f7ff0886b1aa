"""Wheel and sdist of the last commit: from the same commit the same bytes, wherever and whenever they are built.

Only what is committed is built, and the commit's time is every file's.

Example: python -m delivery.dist dist
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from delivery.commit import epoch, git

PROJECT = Path(__file__).parents[1]


def main(argv: Sequence[str]) -> None:
    """Build both into the folder that is named."""
    for made in build(Path(argv[0]).resolve()):
        print(made)


def build(target: Path, *, project: Path = PROJECT) -> list[Path]:
    """The wheel and the sdist of the project's last commit, in the target folder."""
    seconds = epoch(project)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        source, made = Path(place) / "source", Path(place) / "made"
        _extract(project, source)
        # The environment's own tools, as the lock has them: nothing is fetched.
        words = [
            sys.executable,
            "-m",
            "uv",
            "build",
            "--quiet",
            "--no-build-isolation",
            "--offline",
            "--out-dir",
            str(made),
        ]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
        subprocess.run([*words, str(source)], check=True, env=environment, umask=0o022)
        return [*_kept(made, target, seconds)]


def _extract(project: Path, source: Path) -> None:
    archive = Path(f"{source}.tar")
    # The user's own umask must not decide the modes in the packages.
    git("-c", "tar.umask=0022", "archive", f"--output={archive}", "HEAD", folder=project)
    source.mkdir()
    # Python's own extraction has no safe and quiet form in both 3.11.2, which Debian has, and 3.13.
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", source], check=True)


def _kept(made: Path, target: Path, seconds: int) -> Iterator[Path]:
    for path in sorted(made.iterdir()):
        if path.suffix in (".whl", ".gz"):
            kept = target / path.name
            kept.write_bytes(_timeless(path, seconds) if path.suffix == ".gz" else path.read_bytes())
            yield kept


def _timeless(sdist: Path, seconds: int) -> bytes:
    """The same files in order, of nobody, all of one time: setuptools notes who built it, and when."""
    plain = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime, member.pax_headers = seconds, {}
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return gzip.compress(plain.getvalue(), mtime=seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
