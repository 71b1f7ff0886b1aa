"""What every transport asks before it prices anything: whose call is this, and is there quota left for it?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from casa.access.keys import Key, KeyStore, Scope
from casa.access.quota import Charge, LocalQuota, price_units
from casa.errors import Forbidden, InvalidKey, QuotaExceeded
from casa.monitoring.metrics import Metrics

if TYPE_CHECKING:
    from casa.access.shared_quota import SharedQuota

HEADERS = frozenset({"x-api-key", "authorization"})
"""Where a token travels: the names of HTTP headers and of gRPC metadata."""
CHALLENGE = 'Bearer realm="casa"'


class Gate:
    """The way in. Every refusal is counted; none says more than it must."""

    def __init__(self, store: KeyStore, local: LocalQuota, shared: SharedQuota | None, *, metrics: Metrics) -> None:
        self._store = store
        self._local = local
        self._shared = shared
        self._metrics = metrics

    @property
    def shares(self) -> bool:
        """Must a call be charged by `charge_shared`, or can `charge` do it at once?"""
        return self._shared is not None

    def enter(self, token: str | None, *, scope: Scope, now: datetime) -> Key:
        """The caller's key, if it opens this scope; else InvalidKey or Forbidden."""
        if token is None:
            self._metrics.key_refusals["missing"].inc()
            raise InvalidKey("this call needs a key, as X-API-Key or as Authorization: Bearer", challenge=CHALLENGE)
        try:
            key = self._store.authenticate(token, now=now)
        except InvalidKey:
            self._metrics.key_refusals["invalid"].inc()
            raise
        if scope not in key.scopes:
            self._metrics.key_refusals["scope"].inc()
            raise Forbidden(scope)
        return key

    def find_token(self, pairs: Iterable[tuple[str, str | bytes]]) -> str | None:
        """The one token among headers or metadata, names in lower case; InvalidKey if there are different ones."""
        tokens = {token for name, value in pairs if (token := read_token(name, value)) is not None}
        if len(tokens) > 1:
            self._metrics.key_refusals["contradictory"].inc()
            raise InvalidKey("this call holds different keys; send one", challenge=CHALLENGE)
        return tokens.pop() if tokens else None

    def charge(self, key: Key, rows: int, *, now: datetime) -> Charge | None:
        """Take what a call of so many rows costs, by this process's counts; None for an unlimited client."""
        if key.quota is None:
            return None
        try:
            return self._local.take(key.client, key.quota, price_units(rows), now=now.timestamp())
        except QuotaExceeded:
            self._metrics.quota_refusals.inc()
            raise

    async def charge_shared(self, key: Key, rows: int, *, now: datetime) -> Charge | None:
        """As `charge`, by the counts that replicas share, if they do."""
        if key.quota is None or self._shared is None:
            return self.charge(key, rows, now=now)
        try:
            return await self._shared.take(key.client, key.quota, price_units(rows), now=now.timestamp())
        except QuotaExceeded:
            self._metrics.quota_refusals.inc()
            raise


def read_token(name: str, value: str | bytes) -> str | None:
    """The token of one header, None if it holds none; a proxy's own Authorization (Basic, ...) is none of ours."""
    if isinstance(value, bytes):
        return None
    if name == "x-api-key":
        return value.strip()
    scheme, _, token = value.partition(" ")
    return token.strip() if name == "authorization" and scheme.lower() == "bearer" else None
