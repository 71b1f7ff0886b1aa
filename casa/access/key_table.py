"""Keys in the database's table `keys`; what is done to them is written to `audit`."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, insert, select, update

from casa.access.record import Record, explain
from casa.database import audit, find_inode, reading, told, writing
from casa.errors import DatabaseUnavailable, InvalidKeySource, NotFound
from casa.schema import KEYS

POSTGRESQL_MARK = "SELECT count(*), sum(hashtextextended(keys::text, 0)) FROM keys"
SQLITE_MARK = "PRAGMA data_version"


class KeyTable:
    """The table `keys`. One thread may watch it by `mark`; every other method is any thread's."""

    place = "the table of keys"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watch: Connection | None = None
        self._openings = 0
        self._inode: int | None = None

    def mark(self) -> object:
        """A cheap value that differs once the keys may have changed."""
        try:
            inode = find_inode(self._engine)
        except DatabaseUnavailable:
            self._forget()
            raise
        if inode != self._inode:
            self._forget()
            self._inode = inode
        return self._openings, self._ask()

    def read(self) -> list[Record]:
        """All keys, revoked ones too."""
        with reading(self._engine) as connection:
            return read_rows(connection)

    def add(self, record: Record, *, actor: str) -> None:
        """Keep a new key."""
        with writing(self._engine) as connection:
            insert_key(connection, record, actor=actor)

    def revoke(self, key_id: str, *, actor: str, now: datetime) -> None:
        """Close a key for good; NotFound if there is none of that id. A second time changes nothing."""
        with writing(self._engine) as connection:
            change = update(KEYS).where(KEYS.c.id == key_id, KEYS.c.revoked.is_(None)).values(revoked=now)
            if connection.execute(change).rowcount:
                audit(connection, at=now, actor=actor, action="key revoked", subject=key_id)
            elif connection.execute(select(KEYS.c.id).where(KEYS.c.id == key_id)).first() is None:
                raise NotFound(f"no key has the id {key_id!r}")

    def close(self) -> None:
        """Let go of the watching connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _forget(self) -> None:
        """Close what is open on a database that is not there any more."""
        self.close()
        self._engine.dispose()
        self._openings += 1
        self._inode = None

    def _ask(self) -> object:
        # SQLite counts the changes that others made since this very connection was opened: keep it open.
        with told(self._engine):
            try:
                self._watch = self._watch or self._engine.connect()
                with self._watch.begin():
                    sqlite = self._engine.dialect.name == "sqlite"
                    return tuple(self._watch.exec_driver_sql(SQLITE_MARK if sqlite else POSTGRESQL_MARK).one())
            except BaseException:
                self.close()
                raise


def read_rows(connection: Connection) -> list[Record]:
    """All keys of the table; InvalidKeySource if a row is not one."""
    try:
        return [Record.model_validate(dict(row)) for row in connection.execute(select(KEYS)).mappings()]
    except ValidationError as error:
        raise InvalidKeySource(f"the table of keys holds a row that is no key: {explain(error)}") from error


def insert_key(connection: Connection, record: Record, *, actor: str) -> None:
    """Keep a new key and say so in the audit, in one transaction."""
    connection.execute(insert(KEYS), {**record.model_dump(), "scopes": list(record.scopes)})
    detail = record.model_dump(mode="json", include={"client", "scopes", "quota", "expires"})
    audit(connection, at=record.created, actor=actor, action="key made", subject=record.id, **detail)
