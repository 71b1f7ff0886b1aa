"""A typed client of the HTTP interface, for threads and for asyncio."""

from casa.client.attempts import Patience
from casa.client.calls import House, Outcome
from casa.client.clients import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "House", "Outcome", "Patience"]
