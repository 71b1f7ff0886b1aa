"""A key as it is written down, in a table's row or in a file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from random import Random
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from casa.access.keys import NEVER, Key, Scope, is_live, make_digest
from casa.access.quota import DEFAULT, parse_quota
from casa.access.token import make_token, parse_token
from casa.errors import CasaError, InvalidKeySource

Client = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Record(BaseModel):
    """One key. Unknown names are refused: a misspelt `expires` would make a key that lives for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{8}$")]
    client: Client
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    quota: str
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Is it neither revoked nor expired?"""
        return is_live(self.revoked, self.expires or NEVER, now=now)

    def key(self) -> Key:
        """The key as the store wants it; InvalidSettings if its quota cannot be read."""
        return Key(
            id=self.id,
            client=self.client,
            digest=bytes.fromhex(self.digest),
            scopes=frozenset(self.scopes),
            quota=parse_quota(self.quota),
            created=self.created,
            expires=self.expires or NEVER,
            revoked=self.revoked,
        )


class Grant(BaseModel):
    """What a new key is to be."""

    model_config = ConfigDict(frozen=True)

    client: Client
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = ("predict",)
    quota: str = DEFAULT
    expires: AwareDatetime | None = None


def make_key(grant: Grant, *, pepper: bytes, random: Random, now: datetime) -> tuple[str, Record]:
    """A new token, to be shown once, and the record to keep of it."""
    parse_quota(grant.quota)
    token = make_token(random)
    digest = make_digest(token, pepper=pepper).hex()
    return token, Record(id=parse_token(token), digest=digest, created=now, **grant.model_dump())


def read_keys(records: Iterable[Record], *, place: str) -> list[Key]:
    """Keys of records; InvalidKeySource if there are none, or two with one id."""
    try:
        keys = [record.key() for record in records]
    except CasaError as error:
        raise InvalidKeySource(f"{place}: {error}") from error
    if not keys:
        raise InvalidKeySource(f"{place} holds no keys")
    if len({key.id for key in keys}) < len(keys):
        raise InvalidKeySource(f"{place} holds two keys with one id")
    return keys


def live_quota(records: Iterable[Record], client: str, *, now: datetime) -> str:
    """The quota a client has by its newest live key, for its next one; the default for a new client."""
    mine = [record for record in records if record.client == client and record.is_live(now)]
    return max(mine, key=lambda record: (record.created, record.id)).quota if mine else DEFAULT


def explain(error: ValidationError) -> str:
    """The first thing wrong with a record, without its value: it may be a secret."""
    flaw = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, flaw['loc'])) or 'it'}: {flaw['msg'].lower()}"
