"""Contracts are held against the running service."""

from tests.transports.conftest import caller

__all__ = ["caller"]
