"""Casa's own metrics, in a registry of their own: what a library counts in the global one is not ours to promise."""

from __future__ import annotations

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Refusal = Literal["missing", "invalid", "contradictory", "scope"]
"""Why a key was refused. `invalid` is unknown, wrong, expired and revoked in one: /metrics must not tell them apart."""


class Metrics:
    """Every metric of one service. Made once, and passed down."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        refusals = Counter(
            "casa_key_refusals", "Calls refused for their key, by reason.", ["reason"], registry=self.registry
        )
        self.key_refusals: dict[Refusal, Counter] = {
            "missing": refusals.labels("missing"),
            "invalid": refusals.labels("invalid"),
            "contradictory": refusals.labels("contradictory"),
            "scope": refusals.labels("scope"),
        }
        self.quota_refusals = Counter(
            "casa_quota_refusals", "Calls refused because a client's quota was used up.", registry=self.registry
        )
        self.keys_source_broken = Gauge(
            "casa_keys_source_broken", "1 while keys cannot be read and the old ones stay.", registry=self.registry
        )
        self.shared_quota_available = Gauge(
            "casa_shared_quota_available", "1 while replicas share quotas through Redis.", registry=self.registry
        )
