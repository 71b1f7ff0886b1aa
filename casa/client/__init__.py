"""A typed client of the HTTP interface, for threads and for asyncio."""

from casa.client.attempts import Patience
from casa.client.clients import AsyncClient, Client
from casa.client.outcomes import Outcome
from casa.client.wire import House

__all__ = ["AsyncClient", "Client", "House", "Outcome", "Patience"]
