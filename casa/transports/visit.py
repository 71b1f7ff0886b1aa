"""One caller's way through a call over HTTP: who it is, and what the call left of its quota."""

from __future__ import annotations

from datetime import datetime

from casa.access.gate import Gate
from casa.access.keys import Key


class Visit:
    """A caller that was let in."""

    __slots__ = ("_gate", "_key", "_now", "fields")

    def __init__(self, gate: Gate, key: Key, now: datetime) -> None:
        self._gate = gate
        self._key = key
        self._now = now
        self.fields: dict[str, str] = {}
        """What its answer says of its quota; nothing for an unlimited client."""

    async def charge(self, rows: int) -> None:
        """Take so many rows from the client's quota; QuotaExceeded if they are not there."""
        if self._gate.shares:
            charge = await self._gate.charge_shared(self._key, rows, now=self._now)
        else:
            charge = self._gate.charge(self._key, rows, now=self._now)
        if charge is not None:
            self.fields = charge.fields
