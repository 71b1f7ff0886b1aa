"""What Prometheus reads of retrainings and rollouts, in SQLite and in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from casa.database import audit, writing
from casa.monitoring.milestones import Milestones
from tests.monitoring.diary import NOON


@pytest.fixture
def registry(engine: Engine) -> CollectorRegistry:
    with writing(engine) as connection:
        for hours, action in enumerate(["retrain kept", "retrain promoted", "retrain kept", "key made"]):
            audit(connection, at=NOON + timedelta(hours=hours), actor="test", action=action, subject="0123456789ab")
    milestones, registry = Milestones(engine), CollectorRegistry()
    milestones.look()
    registry.register(milestones)
    return registry


@pytest.mark.parametrize(("result", "hours"), [("kept", 2), ("promoted", 1)])
def test_the_newest_of_each_result_counts(registry: CollectorRegistry, result: str, hours: int) -> None:
    told = registry.get_sample_value("casa_retrain_time_seconds", {"result": result})
    assert told == (NOON + timedelta(hours=hours)).timestamp()


def test_what_never_happened_has_no_moment(registry: CollectorRegistry) -> None:
    samples = [sample for family in registry.collect() for sample in family.samples]
    assert {sample.labels["result"] for sample in samples} == {"kept", "promoted"}
