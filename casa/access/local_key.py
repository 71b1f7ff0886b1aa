"""The key a loopback start makes for its own machine: every scope, no quota, kept where only its owner can read it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from casa.access.key_table import insert_key, read_rows
from casa.access.keys import SCOPES, make_digest
from casa.access.quota import UNLIMITED
from casa.access.record import Grant, Record, make_key
from casa.database import alone
from casa.errors import InvalidSettings
from casa.private_file import make_folder, write_private
from casa.settings import Settings

FILE = "local.key"
CLIENT = "local"


def keep_local_key(settings: Settings, engine: Engine, *, pepper: bytes, random: Random, now: datetime) -> str | None:
    """The local key's token: the kept one, or a new one if nobody else has a key; None if it is not needed."""
    with alone(engine) as connection:  # of two starts, the second finds the first one's key
        records = read_rows(connection)
        token = _find(settings, records, pepper=pepper, now=now)
        if token is None and not any(_is_anothers(record, now) for record in records):
            grant = Grant(client=CLIENT, scopes=SCOPES, quota=UNLIMITED)
            token, record = make_key(grant, pepper=pepper, random=random, now=now)
            insert_key(connection, record, actor="casa")
            _write(settings.data_dir / FILE, token)
        return token


def _find(settings: Settings, records: list[Record], *, pepper: bytes, now: datetime) -> str | None:
    """The kept token, if the table still knows it."""
    try:
        token = (settings.data_dir / FILE).read_text("ascii")
    except (OSError, ValueError):
        return None
    digest = make_digest(token, pepper=pepper).hex()
    return token if any(record.digest == digest and record.key().opens(now) for record in records) else None


def _is_anothers(record: Record, now: datetime) -> bool:
    # A local key whose file is lost, or made with another pepper, helps nobody.
    return record.client != CLIENT and record.key().opens(now)


def _write(path: Path, token: str) -> None:
    try:
        make_folder(path.parent)
        write_private(path, token)
    except OSError as error:
        raise InvalidSettings(f"the local key {path} cannot be written: {error.strerror}") from error
