"""Contracts are held against the running service."""

from tests.transports.conftest import caller, hot

__all__ = ["caller", "hot"]
