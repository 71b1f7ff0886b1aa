"""The span that a caller names as the parent of its call: W3C's `traceparent`, over HTTP as over gRPC."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = b"traceparent"
MOST_BYTES = 256
"""Today's are 55; later versions may be longer. They wait in memory until their span is made."""


def choose(given: Sequence[bytes | str]) -> str:
    """What to make of these values: the one there is, empty for none, for several and for one that is too long.

    Whether it is a good one is seen when the span is made, not while the caller waits.
    """
    if len(given) != 1 or len(given[0]) > MOST_BYTES:
        return ""
    (value,) = given
    return value if isinstance(value, str) else value.decode("latin-1")
