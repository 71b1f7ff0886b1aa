"""Every error of Casa, with its HTTP status and gRPC code.

CasaError                500  INTERNAL
├── MalformedRequest     400  INVALID_ARGUMENT
├── InvalidKey           401  UNAUTHENTICATED
├── Forbidden            403  PERMISSION_DENIED
├── NotFound             404  NOT_FOUND
├── MethodNotAllowed     405  UNIMPLEMENTED
├── SlowRequest          408  DEADLINE_EXCEEDED
├── LengthRequired       411  INVALID_ARGUMENT
├── TooLarge             413  RESOURCE_EXHAUSTED
├── UnsupportedMedia     415  INVALID_ARGUMENT
├── InvalidHouse         422  INVALID_ARGUMENT
├── QuotaExceeded        429  RESOURCE_EXHAUSTED
├── HeadTooLarge         431  RESOURCE_EXHAUSTED
├── Unavailable          503  UNAVAILABLE
├── DeadlineExceeded     504  DEADLINE_EXCEEDED
├── InvalidTable         422  INVALID_ARGUMENT
├── InvalidBundle        500  FAILED_PRECONDITION
├── InvalidSettings      500  FAILED_PRECONDITION
├── InvalidKeySource     500  FAILED_PRECONDITION
├── DatabaseUnavailable  503  UNAVAILABLE
├── SourceUnavailable    503  UNAVAILABLE
├── LockTaken            503  UNAVAILABLE
├── PodUnavailable       503  UNAVAILABLE
├── RolloutFailed        500  FAILED_PRECONDITION
│   └── Superseded       500  FAILED_PRECONDITION
└── ClusterUnavailable   503  UNAVAILABLE
    ├── Conflict         503  UNAVAILABLE
    └── Gone             503  UNAVAILABLE
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypedDict


class Flaw(TypedDict):
    """One thing wrong with a house: where, in words, and the rule's name."""

    loc: list[str | int]
    msg: str
    type: str


class CasaError(Exception):
    """Something a user can be told in one sentence."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"


class MalformedRequest(CasaError):
    """The request is not HTTP, or its body not what it says it is."""

    status, code = 400, "INVALID_ARGUMENT"


class InvalidKey(CasaError):
    """No key, or none that opens anything. Unknown, wrong, expired and revoked keys share one sentence."""

    status, code = 401, "UNAUTHENTICATED"

    def __init__(self, sentence: str, *, challenge: str = "Bearer") -> None:
        super().__init__(sentence)
        self.challenge = challenge
        """The value of WWW-Authenticate (RFC 6750)."""


class Forbidden(CasaError):
    """The key is good; it does not have the scope this call needs."""

    status, code = 403, "PERMISSION_DENIED"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key does not have the scope {scope!r}")
        self.challenge = f'Bearer realm="casa", error="insufficient_scope", scope="{scope}"'


class NotFound(CasaError):
    """Nothing lives at this address, or nothing has this name."""

    status, code = 404, "NOT_FOUND"


class MethodNotAllowed(CasaError):
    """The route exists; the method does not."""

    status, code = 405, "UNIMPLEMENTED"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"this route answers {' and '.join(allowed)} only")
        self.allowed = tuple(allowed)


class SlowRequest(CasaError):
    """The head or the body did not arrive in time."""

    status, code = 408, "DEADLINE_EXCEEDED"


class LengthRequired(CasaError):
    """The body's framing is missing or contradicts itself."""

    status, code = 411, "INVALID_ARGUMENT"


class TooLarge(CasaError):
    """The body, or the number of houses in it, is over its limit."""

    status, code = 413, "RESOURCE_EXHAUSTED"


class UnsupportedMedia(CasaError):
    """The body's media type is not one we read."""

    status, code = 415, "INVALID_ARGUMENT"


class InvalidHouse(CasaError):
    """A house breaks the declaration's rules; `flaws` says which."""

    status, code = 422, "INVALID_ARGUMENT"

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(f"{len(flaws)} value{'s' * (len(flaws) != 1)} of the request cannot be used")
        self.flaws = list(flaws)


class QuotaExceeded(CasaError):
    """The client's quota does not cover this call; nothing was taken from it."""

    status, code = 429, "RESOURCE_EXHAUSTED"

    def __init__(self, sentence: str, *, retry_after: int, fields: Mapping[str, str]) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.fields = dict(fields)
        """The answer's RateLimit and RateLimit-Policy."""


class HeadTooLarge(CasaError):
    """What is sent around the body, mostly header fields, is over its limit."""

    status, code = 431, "RESOURCE_EXHAUSTED"


class Unavailable(CasaError):
    """Overloaded, starting or draining: try again soon."""

    status, code = 503, "UNAVAILABLE"

    def __init__(self, sentence: str, *, retry_after: int = 1) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class DeadlineExceeded(CasaError):
    """The answer was not ready in time."""

    status, code = 504, "DEADLINE_EXCEEDED"


class InvalidTable(CasaError):
    """A table of houses cannot be used; nothing of it was kept."""

    status, code = 422, "INVALID_ARGUMENT"


class InvalidBundle(CasaError):
    """A bundle is damaged, incomplete or made for another Casa."""

    status, code = 500, "FAILED_PRECONDITION"


class InvalidSettings(CasaError):
    """A setting is misspelt or out of its range."""

    status, code = 500, "FAILED_PRECONDITION"


class SourceUnavailable(CasaError):
    """The place a table or a model comes from does not answer or does not let us in."""

    status, code = 503, "UNAVAILABLE"


class InvalidKeySource(CasaError):
    """The place keys come from is empty, unreadable or not in its format."""

    status, code = 500, "FAILED_PRECONDITION"


class DatabaseUnavailable(CasaError):
    """The database does not answer, cannot be written, or was made by a newer Casa."""

    status, code = 503, "UNAVAILABLE"


class LockTaken(CasaError):
    """Another rollout or retraining runs on this deployment."""

    status, code = 503, "UNAVAILABLE"

    def __init__(self, holder: str) -> None:
        super().__init__(f"a rollout or retraining runs already, by {holder}: one at a time")


class PodUnavailable(CasaError):
    """A pod does not answer."""

    status, code = 503, "UNAVAILABLE"


class RolloutFailed(CasaError):
    """A model did not hold where it was rolled out, or cannot be rolled out there."""

    status, code = 500, "FAILED_PRECONDITION"


class Superseded(RolloutFailed):
    """Others have changed the deployment while it was watched: theirs is the last word."""


class ClusterUnavailable(CasaError):
    """The cluster's API does not answer, or does not let us."""

    status, code = 503, "UNAVAILABLE"


class Conflict(ClusterUnavailable):
    """Others were faster: the object is no longer what it was when it was read."""


class Gone(ClusterUnavailable):
    """The cluster no longer knows what changed since."""
