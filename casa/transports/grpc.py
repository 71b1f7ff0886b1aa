"""Casa's gRPC interface: one server in the event loop that answers HTTP, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection

from casa.access.gate import Gate
from casa.errors import InvalidSettings
from casa.transports import casa_service, health_service, inference_service
from casa.transports.casa_service import CasaService
from casa.transports.health_service import HealthService
from casa.transports.inference import Inference
from casa.transports.inference_service import InferenceService
from casa.transports.reception import Reception
from casa.transports.rpc import Call, Clock, Method
from casa.transports.serving import Serving
from casa.transports.strict_server import strict_server

SERVICES = (casa_service.SERVICE, inference_service.SERVICE, health_service.SERVICE)
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
"""One protocol under two names: clients ask for the new one first."""

OPTIONS = (
    ("grpc.so_reuseport", 0),  # a port that is taken is refused, not shared
    ("grpc.max_concurrent_streams", 100),  # without it, a flood ends in cancelled calls
    ("grpc.http.overload_protection", 0),  # with it, a caller within that limit is refused, too (grpcio 1.85)
    ("grpc.max_allowed_incoming_connections", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_age_ms", 4_000),  # give or take a tenth, and shorter than a drain: see `reception.AGING`
    ("grpc.max_connection_age_grace_ms", 300_000),  # what a stream may last after that
    ("grpc.keepalive_time_ms", 20_000),  # callers that vanish are noticed
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
)


class GrpcServer:
    """Casa's services, health and reflection on one port."""

    def __init__(self, serving: Serving, gate: Gate, *, inference: Inference, clock: Clock) -> None:
        self._health = HealthService(serving, SERVICES)
        methods = {
            **CasaService(serving).methods(),
            **InferenceService(serving, inference).methods(),
            **self._health.methods(),
            **_reflection(),
        }
        self._reception = Reception(methods, serving, gate, clock=clock)
        largest = ("grpc.max_receive_message_length", serving.settings.max_batch_bytes)
        self._server = strict_server((self._reception,), (*OPTIONS, largest))
        for path in methods:
            _, service, name = path.split("/")
            self._server.add_registered_method_handlers(service, {name: None})  # the reception has the handlers

    @property
    def running(self) -> int:
        """How many calls are being answered."""
        return self._reception.running

    async def start(self, host: str, port: int) -> int:
        """Take calls; returns the port, which the system chooses for 0. InvalidSettings if it cannot be had."""
        try:
            bound: int = self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise InvalidSettings(f"port {port} of {host} cannot be opened for gRPC; set CASA_GRPC_PORT") from error
        await self._server.start()
        return bound

    def drain(self) -> None:
        """Tell those who watch our health that `Serving.draining` was set.

        Within `AGING` every caller is told to connect again, elsewhere; calls that come later are refused.
        """
        self._health.draining.set()
        self._reception.drain()

    async def stop(self, grace_seconds: float) -> None:
        """Take no more calls, and let running ones end for so long."""
        self._health.draining.set()
        self._health.closing.set()
        self._reception.close()
        await self._server.stop(grace_seconds)


async def start(serving: Serving, gate: Gate, *, inference: Inference, host: str = "127.0.0.1") -> GrpcServer:
    """A running server on the port of the settings."""
    server = GrpcServer(serving, gate, inference=inference, clock=lambda: datetime.now(UTC))
    await server.start(host, serving.settings.grpc_port)
    return server


def _reflection() -> Mapping[str, Method]:
    """What the services are, for callers without their .proto files."""
    servicer = reflection.ReflectionServicer((*SERVICES, *REFLECTION))

    def describe(call: Call, asked: AsyncIterator[Message]) -> AsyncIterator[Message]:
        answers: AsyncIterator[Message] = servicer.ServerReflectionInfo(_charged(call, asked), None)
        return answers

    method = Method(reflection_pb2.ServerReflectionRequest, describe, streams=True)
    return {f"/{name}/ServerReflectionInfo": method for name in REFLECTION}


async def _charged(call: Call, asked: AsyncIterator[Message]) -> AsyncIterator[Message]:
    async for message in asked:
        await call.charge(1)
        yield message
