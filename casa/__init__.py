"""Casa: house-price prediction as a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from casa.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    """The clients, loaded when somebody asks for one: importing casa loads nothing else."""
    if name in ("AsyncClient", "Client"):
        from casa import client

        return getattr(client, name)
    raise AttributeError(f"module 'casa' has no attribute {name!r}")
