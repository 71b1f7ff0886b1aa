"""When retrainings and rollouts last came to which end, as the audit has it: what a CronJob did outlives its pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from casa.database import reading
from casa.schema import AUDIT

RESULTS = {"retrain": ("promoted", "kept", "unchanged", "undone", "failed"), "rollout": ("held", "undone")}
"""What can come of each: as many series as there are words here."""
ACTIONS = [f"{name} {result}" for name, results in RESULTS.items() for result in results]


class Milestones(Collector):
    """The newest moment of each result over all replicas, as Prometheus reads it; `look` learns it anew."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._moments: Mapping[str, datetime] = {}

    def look(self) -> None:
        """Read the audit; DatabaseUnavailable leaves what was known."""
        newest = select(AUDIT.c.action, func.max(AUDIT.c.at, type_=AUDIT.c.at.type))
        with reading(self._engine) as connection:
            found = connection.execute(newest.where(AUDIT.c.action.in_(ACTIONS)).group_by(AUDIT.c.action)).all()
        self._moments = {row[0]: row[1] for row in found}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What Prometheus reads: it asks often, and never waits for the database."""
        for name, results in RESULTS.items():
            family = GaugeMetricFamily(f"casa_{name}_time_seconds", f"When a {name} last ended so.", labels=["result"])
            for result in results:
                if moment := self._moments.get(f"{name} {result}"):
                    family.add_metric([result], moment.timestamp())
            yield family
