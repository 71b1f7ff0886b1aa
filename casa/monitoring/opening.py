"""Opens what a service keeps of its answers, once, when it starts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from casa.database import open_database
from casa.model.bundle import REFERENCE, Bundle
from casa.monitoring.feedback import Feedback
from casa.monitoring.journal import Journal
from casa.monitoring.ledger import Ledger, Replica
from casa.monitoring.metrics import Metrics
from casa.monitoring.packer import Packer
from casa.monitoring.reference import Reference
from casa.monitoring.summary import Summary
from casa.settings import Settings


@dataclass(frozen=True)
class Records:
    """What a running service holds of it."""

    replica: str
    """What this process is called in the database."""
    journal: Journal
    feedback: Feedback
    summary: Summary

    def start(self) -> None:
        """Begin to write."""
        self.journal.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self.journal.stop()
        self.feedback.close()


def open_records(settings: Settings, saved: Bundle, *, metrics: Metrics) -> Records:
    """The records of a replica that serves this model. Call `start()` once the service runs."""
    reference = Reference.from_dict(saved.document(REFERENCE))
    replica = Replica(secrets.token_hex(8), saved.version, _now())
    engine = open_database(settings, synced=settings.journal == "durable")
    ledger = Ledger(engine, Packer(reference, version=saved.version), replica)
    journal = Journal(ledger, promise=settings.journal, metrics=metrics, now=_now, days=settings.journal_days)
    own = open_database(settings, synced=True)
    return Records(replica.id, journal, Feedback(own, journal, now=_now), Summary(own, now=_now))


def _now() -> datetime:
    return datetime.now(UTC)
