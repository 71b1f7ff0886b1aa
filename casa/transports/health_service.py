"""The service grpc.health.v1.Health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from grpc_health.v1 import health_pb2 as pb

from casa.errors import NotFound
from casa.transports.rpc import Call, Method
from casa.transports.serving import Serving

SERVICE = pb.DESCRIPTOR.services_by_name["Health"].full_name
Status = pb.HealthCheckResponse


class HealthService:
    """One state for all services: new callers are welcome, or the instance is about to stop."""

    def __init__(self, serving: Serving, services: tuple[str, ...]) -> None:
        self._serving = serving
        self._services = {"", *services}
        self.draining = asyncio.Event()
        self.closing = asyncio.Event()

    def methods(self) -> Mapping[str, Method]:
        """The service's methods by their full names."""
        return {
            f"/{SERVICE}/Check": Method(pb.HealthCheckRequest, self.check, scope=None),
            f"/{SERVICE}/Watch": Method(pb.HealthCheckRequest, self.watch, scope=None, streams=True),
        }

    async def check(self, _: Call, asked: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """The state now; NotFound for a service that is not here."""
        if asked.service not in self._services:
            raise NotFound("there is no service of this name")
        return Status(status=self._status(asked.service))

    async def watch(
        self, _: Call, asked: AsyncIterator[pb.HealthCheckRequest]
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        """The state now, and again when it changes."""
        async for request in asked:
            yield Status(status=self._status(request.service))
            await self.draining.wait()
            yield Status(status=self._status(request.service))
            await self.closing.wait()

    def _status(self, service: str) -> int:
        if service not in self._services:
            return int(Status.SERVICE_UNKNOWN)
        return int(Status.NOT_SERVING if self._serving.draining else Status.SERVING)
