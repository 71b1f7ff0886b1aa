"""Brings a database's schema up to this Casa's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect

from casa.database import alone, connect, place, reading
from casa.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0003"
"""The newest step. Known here so that a start with nothing to do does without alembic, which is slow to import."""
SECONDS = 60


def migrate(engine: Engine) -> None:
    """Bring the schema up to this Casa's. Two starts at once are safe: one waits for the other."""
    if _is_current(engine):
        return
    patient = connect(engine.url, seconds=SECONDS)
    try:
        with alone(patient) as connection:
            _upgrade(connection)
    finally:
        patient.dispose()


def _is_current(engine: Engine) -> bool:
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    _refuse_newer(connection, config)
    command.upgrade(config, "head")


def _refuse_newer(connection: Connection, config: Config) -> None:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not known.issuperset(MigrationContext.configure(connection).get_current_heads()):
        raise DatabaseUnavailable(f"{place(connection.engine.url)} was made by a newer Casa; upgrade this one")
