"""Failures as callers see them: application/problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

import orjson

from casa.errors import CasaError, InvalidHouse
from casa.transports.answer import LOCKED, PROBLEM, Answer, Header

MOST_FLAWS = 20
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""The statuses' names in RFC 9110; Python's differ from version to version."""

RETRY_SECONDS = 1
"""When to try again after a 503 that knows no better."""

BUG = "something went wrong on our side; please try again, and tell us the request id if it stays"


def problem(error: CasaError, *, request_id: str) -> Answer:
    """The answer to a call that failed."""
    document: dict[str, Any] = {  # RFC 9457's members, of several types
        "type": "about:blank",
        "title": TITLES[error.status],
        "status": error.status,
        "detail": str(error),
        "request_id": request_id,
    }
    if isinstance(error, InvalidHouse):
        document["errors"] = error.flaws[:MOST_FLAWS]
        if len(error.flaws) > MOST_FLAWS:
            document["error_count"] = len(error.flaws)
    return Answer(orjson.dumps(document), error.status, PROBLEM, (LOCKED, *fields(error)))


def fields(error: CasaError) -> list[Header]:
    """The header fields that belong to this error."""
    named = {
        "retry-after": getattr(error, "retry_after", RETRY_SECONDS if error.status == 503 else None),
        "allow": ", ".join(getattr(error, "allowed", ())) or None,
        "www-authenticate": getattr(error, "challenge", None),
        **getattr(error, "fields", {}),
    }
    return [(name.lower().encode(), str(value).encode()) for name, value in named.items() if value is not None]
