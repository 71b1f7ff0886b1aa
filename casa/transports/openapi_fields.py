"""The header fields and parameters of the OpenAPI document, each described once."""

from __future__ import annotations

from casa.access.gate import CHALLENGE
from casa.access.quota import UNITS, Charge, Quota
from casa.transports.identity import PATTERN
from casa.transports.infer_body import LENGTH
from casa.transports.operations import JsonObject

REQUEST_ID = "X-Request-Id"
INFER_LENGTH = LENGTH.decode().title()
"""Inference-Header-Content-Length, as the protocol writes it."""
QUOTA = Quota(calls=100, seconds=60)
"""An example."""


def parameters() -> JsonObject:
    """What requests may hold beside their bodies, by name."""
    return {
        REQUEST_ID: {
            "name": REQUEST_ID,
            "in": "header",
            "description": f"An id for this request. It is used if it matches {PATTERN}",
            "schema": {"type": "string"},
        },
        INFER_LENGTH: {
            "name": INFER_LENGTH,
            "in": "header",
            "description": "The length of the body's JSON in bytes, if tensors' bytes follow it",
            "schema": {"type": "integer", "minimum": 0},
        },
        "version": {
            "name": "version",
            "in": "path",
            "required": True,
            "description": "The version that is served, as `/model` tells it",
            "schema": {"type": "string"},
        },
    }


def headers() -> JsonObject:
    """What answers may hold beside their bodies, by name."""
    return {
        REQUEST_ID: {
            "description": "The request's id: the caller's, or a random one",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
        },
        "WWW-Authenticate": {
            "description": "How to bring a key (RFC 6750), and which scope it lacks",
            "required": True,
            "schema": {"type": "string"},
            "example": CHALLENGE,
        },
        "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}},
        **_quota(),
        INFER_LENGTH: {
            "description": "The length of the body's JSON in bytes, if tensors' bytes follow it",
            "schema": {"type": "integer", "minimum": 0},
        },
    }


def _quota() -> JsonObject:
    """Not required: who has no key or no quota gets none."""
    words = ("Calls left of the client's quota, and seconds to its reset", "The client's quota: calls and seconds")
    examples = Charge(QUOTA, used=UNITS, reset_seconds=QUOTA.seconds).fields
    return {
        name: {"description": f"{told}; only for a key with a quota", "schema": {"type": "string"}, "example": example}
        for (name, example), told in zip(examples.items(), words, strict=True)
    }
