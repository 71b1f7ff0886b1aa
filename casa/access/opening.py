"""Opens the way in, once, when a service starts: the pepper, the keys, the quotas."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from casa.access.gate import Gate
from casa.access.key_file import KeyFile
from casa.access.key_table import KeyTable
from casa.access.keys import KeyStore
from casa.access.local_key import keep_local_key
from casa.access.pepper import is_loopback, keep_pepper
from casa.access.quota import LocalQuota
from casa.access.refresher import Refresher, Source
from casa.errors import InvalidSettings
from casa.monitoring.metrics import Metrics
from casa.settings import Settings

if TYPE_CHECKING:
    from casa.access.shared_quota import SharedQuota


@dataclass(frozen=True)
class Access:
    """What a running service holds of it."""

    gate: Gate
    refresher: Refresher
    shared: SharedQuota | None
    local_key: str | None
    """The token a loopback start prints."""

    async def close(self) -> None:
        """End the thread and the connections."""
        await asyncio.to_thread(self.refresher.stop)
        if self.shared is not None:
            await self.shared.close()


def open_access(settings: Settings, engine: Engine, *, host: str, metrics: Metrics, now: datetime) -> Access:
    """The way in to a service bound to `host`; InvalidSettings if strangers could reach it and it has no keys.

    The database must be migrated. Call `refresher.start()` once the service runs.
    """
    own = is_loopback(host)
    pepper = _pepper(settings, own=own)
    token = None
    if own and settings.keys_file is None:
        random = secrets.SystemRandom()
        token = keep_local_key(settings, engine, pepper=pepper, random=random, now=now)
    store = KeyStore(pepper)
    refresher = _fill(store, settings, engine, metrics=metrics, now=now)
    local = LocalQuota()
    shared = _shared(settings, local, metrics)
    return Access(Gate(store, local, shared, metrics=metrics), refresher, shared, token)


def _pepper(settings: Settings, *, own: bool) -> bytes:
    if settings.key_pepper is None and not own:
        raise InvalidSettings(
            "others can reach this address, so CASA_KEY_PEPPER must be set; `openssl rand -hex 32` makes one"
        )
    return keep_pepper(settings)


def _fill(store: KeyStore, settings: Settings, engine: Engine, *, metrics: Metrics, now: datetime) -> Refresher:
    source: Source = KeyTable(engine) if settings.keys_file is None else KeyFile(settings.keys_file)
    if not any(record.key().opens(now) for record in source.read()):
        raise InvalidSettings(f"{source.place} holds no live key; `casa keys create --client NAME` makes one")
    refresher = Refresher(source, store, metrics=metrics)
    refresher.load()
    return refresher


def _shared(settings: Settings, local: LocalQuota, metrics: Metrics) -> SharedQuota | None:
    if settings.redis_url is None:
        return None
    from casa.access.shared_quota import SharedQuota  # the client of Redis takes as long to import as all the rest

    return SharedQuota(settings.redis_url.get_secret_value(), local, metrics=metrics, clock=time.monotonic)
