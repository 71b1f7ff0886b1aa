"""One caller's way through a call over HTTP: who it is, and what the call left of its quota."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from types import MappingProxyType

from casa.access.gate import Gate
from casa.access.keys import Key, Scope
from casa.transports import identity
from casa.transports.asker import Asker


class Visit(Asker):
    """A call over HTTP."""

    fields: Mapping[str, str] = MappingProxyType({})
    """What its answer says of its quota; nothing for an unlimited client."""

    def enter(self, gate: Gate, token: str | None, now: datetime, *, scope: Scope = "predict") -> None:
        """Let the caller in; InvalidKey or Forbidden if the token does not open what it asks for."""
        self._gate, self._now = gate, now
        self._key: Key = gate.enter(token, scope=scope, now=now)
        self.client = self._key.client

    async def charge(self, rows: int) -> None:
        """Take so many rows from the client's quota; QuotaExceeded if they are not there."""
        if self._gate.shares:
            charge = await self._gate.charge_shared(self._key, rows, now=self._now)
        else:
            charge = self._gate.charge(self._key, rows, now=self._now)
        if charge is not None:
            self.fields = charge.fields


CURRENT: ContextVar[Visit] = ContextVar("visit")
"""The call that BentoML is answering."""


def current() -> Visit:
    """The running call, or a new one where nobody called over HTTP."""
    return CURRENT.get(None) or Visit(identity.fresh())
