"""The id of a request: the caller's if it is sane, else a random one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar

HEADER = b"x-request-id"
PATTERN = "[A-Za-z0-9._-]{1,64}"
"""What may stand in a log line or a header without doing harm there."""

_sane = re.compile(PATTERN.encode()).fullmatch

CURRENT: ContextVar[str] = ContextVar("request_id")
"""The id of the call that BentoML is answering."""


def identify(headers: Mapping[bytes, bytes]) -> str:
    """The request's id, 1 to 64 characters out of letters, digits, dot, underscore and hyphen."""
    given = headers.get(HEADER, b"")
    return given.decode() if _sane(given) else fresh()


def fresh() -> str:
    """16 random bytes as hex."""
    return os.urandom(16).hex()


def current() -> str:
    """The id of the running call, or a fresh one where nobody called over HTTP."""
    return CURRENT.get(None) or fresh()
