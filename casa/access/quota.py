"""How often a client may call: a number of calls in each second, minute, hour or day of the clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from threading import Timer
from typing import NamedTuple

from limits.storage import MemoryStorage

from casa.errors import InvalidSettings, QuotaExceeded

UNITS = 100
"""A call, in the unit everything is counted in: a batch pays one for each row, and at least one call."""
SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
DEFAULT = "100/minute"
UNLIMITED = "unlimited"

_FORM = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(SECONDS)})")


@dataclass(frozen=True)
class Quota:
    """So many calls in each window. Windows begin at whole multiples of their length, so all replicas agree on them.

    A fixed window is the cheapest count, and the only one whose fields are exact: what is left is left until the
    reset, and at the reset all of it is back. Its price: around a reset a client can use two windows' calls at once.
    """

    calls: int
    seconds: int

    @cached_property
    def units(self) -> int:
        """The quota in hundredths of a call."""
        return self.calls * UNITS

    @cached_property
    def policy(self) -> str:
        """The field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10)."""
        return f'"default";q={self.calls};w={self.seconds}'

    def window(self, client: str, now: float) -> tuple[str, int]:
        """The name of the client's window at `now` (seconds since 1970), and the seconds until the next begins."""
        number, past = divmod(int(now), self.seconds)
        return f"{client}/{self.seconds}/{number}", self.seconds - past

    def __str__(self) -> str:
        return next(f"{self.calls}/{name}" for name, seconds in SECONDS.items() if seconds == self.seconds)


class Charge(NamedTuple):
    """What a call left of its client's quota."""

    quota: Quota
    used: int
    """Hundredths of a call, of the window so far."""
    reset_seconds: int

    @property
    def left(self) -> int:
        """Whole calls left until the reset."""
        return max(0, self.quota.units - self.used) // UNITS

    @property
    def limit(self) -> str:
        """The field RateLimit (draft-ietf-httpapi-ratelimit-headers-10): calls left, seconds to the reset."""
        return f'"default";r={self.left};t={self.reset_seconds}'

    @property
    def fields(self) -> dict[str, str]:
        """The fields that every answer to a key carries, by name."""
        return {"RateLimit": self.limit, "RateLimit-Policy": self.quota.policy}

    def refuse(self, units: int) -> QuotaExceeded:
        """The error for a call that costs more than is left."""
        sentence = f"quota used up; try again in {self.reset_seconds} s"
        if units > self.quota.units:
            sentence = f"this call costs {units / UNITS:g} calls, the quota is {self.quota}: send fewer rows at once"
        return QuotaExceeded(sentence, retry_after=self.reset_seconds, fields=self.fields)


def parse_quota(text: str) -> Quota | None:
    """`100/minute` as a quota, `unlimited` as None; InvalidSettings for anything else."""
    if text == UNLIMITED:
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidSettings(f"{text!r} is no quota; write a number of calls, as in {DEFAULT}, or {UNLIMITED}")
    return Quota(int(match[1]), SECONDS[match[2]])


def price_units(rows: int) -> int:
    """What a call costs, in hundredths of a call: a hundredth for each priced row, at least one call."""
    return max(UNITS, rows)


class _Idle(Timer):
    """A timer that never runs, and is taken for one that does."""

    def is_alive(self) -> bool:
        return True


class LocalQuota:
    """One process's counts, in memory: a client's last window of each length only, so clients bound them."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._windows: dict[tuple[str, int], str] = {}
        # The library would start a thread every 10 ms to look for old windows, and each stops the calls.
        self._storage.timer.cancel()
        self._storage.timer.join()
        self._storage.timer = _Idle(0, self._storage.reset)

    def take(self, client: str, quota: Quota, units: int, *, now: float) -> Charge:
        """Take units of the client's quota; QuotaExceeded, and nothing taken, if they are not there."""
        name, reset_seconds = quota.window(client, now)
        series = client, quota.seconds  # a client's keys may have quotas of different lengths
        last = self._windows.get(series)
        if last != name:
            self._begin(series, name, last)
        used = self._storage.incr(name, 2 * quota.seconds, units)
        if used > quota.units:
            used = self._storage.decr(name, units)
            raise Charge(quota, used, reset_seconds).refuse(units)
        return Charge(quota, used, reset_seconds)

    def _begin(self, series: tuple[str, int], name: str, last: str | None) -> None:
        self._windows[series] = name
        if last is not None:
            self._storage.clear(last)
