"""API keys: who holds one, what it opens, and whether a caller's is one of them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, get_args

from casa.access.quota import Quota
from casa.access.token import REFUSED, parse_token
from casa.errors import InvalidKey

Scope = Literal["predict", "feedback", "monitor", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
NEVER = datetime.max.replace(tzinfo=UTC)


def is_live(revoked: datetime | None, expires: datetime, *, now: datetime) -> bool:
    """Is a key neither revoked nor expired?"""
    return revoked is None and now < expires


@dataclass(frozen=True, slots=True)
class Key:
    """What we know of a key. The secret itself is not kept, only a digest of it."""

    id: str
    client: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    quota: Quota | None
    """The client's quota; None is unlimited."""
    created: datetime
    expires: datetime = NEVER
    revoked: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Is it neither revoked nor expired?"""
        return is_live(self.revoked, self.expires, now=now)


NOBODY = Key(
    id="", client="", digest=bytes(32), scopes=frozenset(), quota=None, created=NEVER, expires=NEVER, revoked=NEVER
)


class KeyStore:
    """API keys by id. Holds digests only, so a leaked file opens nothing."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self._keys: tuple[dict[str, Key], dict[str, Key]] = {}, {}
        self.until = NEVER
        """When one of the keys expires, and with it what it says of its client's quota: replace them then."""

    def replace(self, keys: Iterable[Key], *, now: datetime) -> None:
        """Take these keys instead of the old ones: at once, from any thread."""
        live = [key for key in keys if key.opens(now)]
        self.until = min((key.expires for key in live), default=NEVER)
        # One assignment: a call that began with the old keys must not remember its token among the new ones.
        self._keys = {key.id: key for key in share_quotas(live)}, {}

    def authenticate(self, token: str, *, now: datetime) -> Key:
        """The key a token opens; InvalidKey, with one sentence for all of them, if it opens none."""
        keys, seen = self._keys
        key = seen.get(token)  # at most one token a key gets in here
        if key is None or now >= key.expires:
            key = self._verify(token, keys, now=now)
            seen[token] = key
        return key

    def _verify(self, token: str, keys: dict[str, Key], *, now: datetime) -> Key:
        try:
            key = keys.get(parse_token(token), NOBODY)
        except InvalidKey:
            key, token = NOBODY, ""
        # Unknown ids are compared too: the answer's timing must not list our clients.
        matches = hmac.compare_digest(make_digest(token, pepper=self._pepper), key.digest)
        if not (key.opens(now) & matches):
            raise InvalidKey(REFUSED, challenge='Bearer realm="casa", error="invalid_token"')
        return key


def make_digest(token: str, *, pepper: bytes) -> bytes:
    """HMAC-SHA256 of a token: without the pepper, a stolen table cannot even be tried."""
    return hmac.digest(pepper, token.encode("ascii"), "sha256")


def share_quotas(live: Iterable[Key]) -> list[Key]:
    """Give all live keys of a client one quota, the newest key's: a rotation must not leave two."""
    ordered = sorted(live, key=lambda key: (key.created, key.id))
    quotas = {key.client: key.quota for key in ordered}
    return [replace(key, quota=quotas[key.client]) for key in ordered]
