"""What the head of a request promises of its body: its kind and its framing, refused where it is unclear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from casa.access.gate import HEADERS
from casa.errors import LengthRequired, MalformedRequest, UnsupportedMedia
from casa.transports.answer import JSON

LENGTH = b"content-length"
CHUNKED = b"transfer-encoding"
KIND = b"content-type"
CODING = b"content-encoding"
KEYS = frozenset(name.encode() for name in HEADERS)
DIGITS = 19
"""A longer number of bytes is no length."""


class Head(dict[bytes, bytes]):
    """A request's header fields by their names in lower case, the last of each."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        fields = list(fields)
        super().__init__(fields)
        self._fields = fields
        self._repeated = _repeated(fields) if len(fields) != len(self) else frozenset()

    @property
    def has_body(self) -> bool:
        """Does a body follow?"""
        return LENGTH in self or CHUNKED in self

    def check_media(self) -> None:
        """UnsupportedMedia for anything but JSON in UTF-8, as it is; MalformedRequest if that is said twice."""
        self.check_once(KIND, CODING)
        kind = self.get(KIND, b"")
        if kind != JSON and not _is_json(kind):
            raise UnsupportedMedia("send the body as application/json")
        if self.get(CODING, b"identity").lower() != b"identity":
            raise UnsupportedMedia("send the body without a content encoding")

    def check_once(self, *names: bytes) -> None:
        """MalformedRequest if one of these fields stands there more than once: whoever picks one of them guesses."""
        if twice := self._repeated.intersection(names):
            raise MalformedRequest(f"the request has more than one {min(twice).decode().title()}")

    def tokens(self) -> list[tuple[str, str]]:
        """The fields that may hold a key, by name, each time they stand there."""
        fields = self._fields if self._repeated else [(name, self[name]) for name in KEYS if name in self]
        return [(name.decode(), value.decode("latin-1")) for name, value in fields if name in KEYS]

    def each(self, name: bytes) -> list[bytes]:
        """A field's values, each time it stands there."""
        return [value for field, value in self._fields if field == name]

    def length(self) -> int | None:
        """The body's length in bytes, None for one in chunks.

        LengthRequired if nothing says where it ends, MalformedRequest if two things do: whoever guesses
        between them may take the rest of the body for another request.
        """
        if not self.has_body:
            raise LengthRequired("the request has no body: send Content-Length, or the body in chunks")
        if self._repeated & {LENGTH, CHUNKED} or (LENGTH in self and CHUNKED in self):
            raise MalformedRequest("the request says more than once where its body ends")
        if CHUNKED in self:
            self._check_coding()
            return None
        return _number(self[LENGTH])

    def _check_coding(self) -> None:
        if self[CHUNKED].lower() != b"chunked":
            raise MalformedRequest("the only transfer encoding here is chunked")


def _repeated(fields: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    counts = Counter(name for name, _ in fields)
    return frozenset(name for name, count in counts.items() if count > 1)


def _number(value: bytes) -> int:
    if not value.isdigit() or len(value) > DIGITS:
        raise MalformedRequest("Content-Length is no number of bytes")
    return int(value)


def _is_json(kind: bytes) -> bool:
    """Is it application/json, whatever its case and parameters, and in UTF-8?"""
    essence, *parameters = (part.strip().lower() for part in kind.split(b";"))
    charsets = {part.partition(b"=")[2].strip(b'" ') for part in parameters if part.startswith(b"charset")}
    return essence == JSON and charsets <= {b"utf-8", b"utf8"}
