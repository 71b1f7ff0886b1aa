"""The pages for people and their assets, as answers. They need no key; what they show does."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath

from casa.errors import NotFound
from casa.transports.answer import HTML, JSON, Answer
from casa.transports.head import Head
from casa.web import pages

ASSETS = f"/{pages.ASSETS}"
KINDS = {
    ".css": b"text/css; charset=utf-8",
    ".html": HTML,
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
KEPT = b"public, max-age=31536000, immutable"

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A page runs and loads what is served here, and nothing that stands in the page itself."""
FRAME_POLICY = (
    b"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    b"img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The frame of a report that brings scripts of its own: it has no origin, so no key, and reaches nobody."""
NO_REPORT = "there is no report about the table here: `dvc repro` writes one, and CASA_REPORT_FILE says where it is"


def show(page: bytes) -> Answer:
    """A page."""
    return Answer(page, media=HTML, headers=((b"content-security-policy", POLICY),))


def asset(path: str) -> Answer:
    """What a page loads; NotFound for anything else, another version's assets included."""
    folder, _, name = path.rpartition("/")
    content = pages.read(pages.ASSETS).get(name)
    if content is None or folder != pages.root():
        raise NotFound("no page here loads this")
    kind = KINDS[PurePosixPath(name).suffix]
    answer = Answer(content, media=kind, cache=KEPT)
    if kind == HTML:
        return answer._replace(headers=((b"content-security-policy", FRAME_POLICY),))
    return answer


def table_report(path: Path) -> Answer:
    """The report about the table of houses, 10 MB of HTML; NotFound where there is none."""
    try:
        content = _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NotFound(NO_REPORT) from error
    return Answer(content, media=HTML, headers=((b"content-security-policy", FRAME_POLICY),))


def wants_page(head: Head) -> bool:
    """Is this a browser that opens an address?"""
    return b"text/html" in head.get(b"accept", b"")


def wants_json(head: Head) -> bool:
    """Is this a program that says so?"""
    return JSON in head.get(b"accept", b"")


@lru_cache(maxsize=1)
def _read(path: Path, _: int) -> bytes:
    # Kept: however many read it slowly at once, there is one in memory.
    return path.read_bytes()
