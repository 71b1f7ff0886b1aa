"""The form of a keys file and of a Secret's keys.json: `{"keys": [...]}`."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from casa.access.record import Record, explain
from casa.errors import InvalidKeySource, NotFound


class Page(BaseModel):
    """Keys as they are written down, revoked ones too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[Record, ...]

    @classmethod
    def parse(cls, content: bytes, *, place: str) -> Self:
        """The page of this text; InvalidKeySource if it is none."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise InvalidKeySource(f"{place} cannot be used: {explain(error)}") from error

    def add(self, record: Record) -> Self:
        """With one more key."""
        return self.model_copy(update={"keys": (*self.keys, record)})

    def revoke(self, key_id: str, *, now: datetime) -> Self:
        """With this key closed for good; itself if it is already. NotFound if there is none of that id."""
        keys = {record.id: record for record in self.keys}
        if key_id not in keys:
            raise NotFound(f"no key has the id {key_id!r}")
        if keys[key_id].revoked is not None:
            return self
        keys[key_id] = keys[key_id].model_copy(update={"revoked": now})
        return self.model_copy(update={"keys": tuple(keys.values())})

    def text(self) -> str:
        """As it is written."""
        return self.model_dump_json(indent=2) + "\n"
