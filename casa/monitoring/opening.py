"""Opens the journal, once, when a service starts."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from casa.database import open_database
from casa.model.bundle import REFERENCE, Bundle
from casa.monitoring.journal import Journal
from casa.monitoring.ledger import Ledger, Replica
from casa.monitoring.metrics import Metrics
from casa.monitoring.packer import Packer
from casa.monitoring.reference import Reference
from casa.settings import Settings


def open_journal(settings: Settings, saved: Bundle, *, metrics: Metrics) -> Journal:
    """The journal of a replica that serves this model. Call `start()` once the service runs."""
    reference = Reference.from_dict(saved.document(REFERENCE))
    replica = Replica(secrets.token_hex(8), saved.version, datetime.now(UTC))
    engine = open_database(settings, synced=settings.journal == "durable")
    ledger = Ledger(engine, Packer(reference, version=saved.version), replica)
    promise, days = settings.journal, settings.journal_days
    return Journal(ledger, promise=promise, metrics=metrics, now=lambda: datetime.now(UTC), days=days)
