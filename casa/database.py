"""The one door to the database: SQLite on one machine, PostgreSQL for many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection

from casa.errors import DatabaseUnavailable, InvalidSettings
from casa.private_file import make_folder, make_private
from casa.schema import AUDIT
from casa.settings import Settings

SECONDS = 5
"""How long a lock is waited for and a statement may run."""
FORBIDDEN, NO_TABLE = "42501", "42P01"
"""PostgreSQL's codes for what is the operator's to mend, not ours: a role without rights, a table dropped."""
LOCK = 0x43617361
"""The number of Casa's advisory lock in PostgreSQL: its name in ASCII."""


def open_database(settings: Settings, *, seconds: int = SECONDS, synced: bool = False) -> Engine:
    """An engine on the configured database; nothing is asked of it yet.

    What is committed outlives a crash of Casa; with `synced`, a crash of the machine, too.
    """
    return connect(_url(settings), seconds=seconds, synced=synced)


def connect(url: URL, *, seconds: int, synced: bool = False) -> Engine:
    """An engine that waits so long for a lock, and lets a statement run so long."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, seconds=seconds, synced=synced)
    from casa.postgres import open_postgres

    return open_postgres(url, seconds=seconds)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads; DatabaseUnavailable says in one sentence what is wrong with the database."""
    with told(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. SQLite takes its lock at once: a later upgrade of it could not wait."""
    with told(engine), engine.execution_options(immediate=True).begin() as connection:
        yield connection


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """A writing transaction that no other `alone`, of any process or replica, runs beside."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        yield connection


def audit(connection: Connection, *, at: datetime, actor: str, action: str, subject: str, **detail: object) -> None:
    """Write one line of the audit, in the transaction of what it is about."""
    row: Mapping[str, object] = {"at": at, "actor": actor, "action": action, "subject": subject, "detail": detail}
    connection.execute(insert(AUDIT), row)


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """The driver's errors as DatabaseUnavailable, unless they are bugs of ours."""
    find_inode(engine)  # SQLite would put an empty database where ours is missing
    try:
        yield
    except exc.DBAPIError as error:
        if not _outage(error):
            raise
        raise DatabaseUnavailable(_sentence(engine, str(error.orig))) from error
    except exc.TimeoutError as error:
        raise DatabaseUnavailable(f"all connections to {place(engine.url)} are busy") from error


def _url(settings: Settings) -> URL:
    if settings.database_url is None:
        return URL.create("sqlite", database=str(settings.data_dir / "casa.db"))
    try:
        url = make_url(settings.database_url.get_secret_value())
        backend = url.get_backend_name()
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidSettings("CASA_DATABASE_URL is no address of a database") from error
    if backend not in ("sqlite", "postgresql", "postgres"):
        raise InvalidSettings("CASA_DATABASE_URL must begin with sqlite:/// or postgresql://")
    return url if backend == "sqlite" else url.set(drivername="postgresql+psycopg")


def _sqlite(url: URL, *, seconds: int, synced: bool) -> Engine:
    if url.database and not url.database.startswith((":memory:", "file:")):
        _make_file(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": seconds})
    event.listen(engine, "connect", partial(_prepare, synced=synced))
    event.listen(engine, "begin", _begin)
    return engine


def _make_file(path: Path) -> None:
    """SQLite would make it readable by everyone; its -wal and -shm files take its mode."""
    try:
        make_folder(path.parent)
        make_private(path)
    except OSError as error:
        raise DatabaseUnavailable(f"the database {path} cannot be made: {error.strerror}") from error


def _prepare(connection: DBAPIConnection, record: object, *, synced: bool) -> None:  # noqa: ARG001
    connection.isolation_level = None  # the driver must not begin or commit by itself: `_begin` does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", f"synchronous={'FULL' if synced else 'NORMAL'}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _outage(error: exc.DBAPIError) -> bool:
    if isinstance(error, exc.ProgrammingError):
        return getattr(error.orig, "sqlstate", None) in (FORBIDDEN, NO_TABLE)
    return not isinstance(error, (exc.IntegrityError, exc.DataError, exc.InterfaceError))


def _sentence(engine: Engine, reason: str) -> str:
    where, words = place(engine.url), reason.lower()
    if "readonly" in words or "read-only" in words:
        return f"{where} is read-only"
    if "not a database" in words or "malformed" in words:
        return f"{where} is not a database file, or is damaged"
    return f"{where} does not answer: {(reason.strip() or 'it gives no reason').splitlines()[0]}"


def find_inode(engine: Engine) -> int:
    """The number of SQLite's file, 0 where there is none; DatabaseUnavailable if it is gone.

    A file put in another's place would not be seen through the connections to the old one.
    """
    name = engine.url.database or ""
    if engine.dialect.name != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return 0
    try:
        return Path(name).stat().st_ino
    except OSError as error:
        raise DatabaseUnavailable(f"the database {name} is gone: {error.strerror}") from error


def place(url: URL) -> str:
    """The database in words, without its password."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    return f"the database {url.set(drivername='postgresql', query={}).render_as_string()}"
