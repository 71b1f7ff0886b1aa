"""The table `windows`: what each process has counted, hour by hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, and_, delete, insert, select

from casa.database import reading, writing
from casa.monitoring.outlook import Windows
from casa.monitoring.window import Window
from casa.schema import WINDOWS


class WindowTable:
    """The hours of one model version and reference, as one of the processes that serve it sees them."""

    def __init__(self, engine: Engine, *, version: str, reference: str, replica: str) -> None:
        """`reference` is the digest of the reference's file, `replica` a name that no other process ever has."""
        self._engine = engine
        self._own = {"model_version": version, "reference": reference, "replica": replica}
        self._alike = and_(WINDOWS.c.model_version == version, WINDOWS.c.reference == reference)
        self._replica = replica

    def write(self, hours: Windows) -> None:
        """Keep these hours of this process instead of what it wrote of them before."""
        rows = [{**self._own, "hour": hour, "content": window.to_dict()} for hour, window in hours.items()]
        mine = and_(self._alike, WINDOWS.c.replica == self._replica, WINDOWS.c.hour.in_(hours))
        with writing(self._engine) as connection:
            connection.execute(delete(WINDOWS).where(mine))
            connection.execute(insert(WINDOWS), rows)

    def read(self, *, since: datetime) -> Windows:
        """The hours of all other processes from then on, added up."""
        theirs = and_(self._alike, WINDOWS.c.replica != self._replica, WINDOWS.c.hour >= since)
        with reading(self._engine) as connection:
            rows = connection.execute(select(WINDOWS.c.hour, WINDOWS.c.content).where(theirs)).all()
        hours: dict[datetime, Window] = {}
        for hour, content in rows:
            window = Window.from_dict(content)
            hours[hour] = hours[hour] + window if hour in hours else window
        return hours

    def forget(self, *, before: datetime) -> None:
        """Delete what is older, of every model and process."""
        with writing(self._engine) as connection:
            connection.execute(delete(WINDOWS).where(WINDOWS.c.hour < before))
