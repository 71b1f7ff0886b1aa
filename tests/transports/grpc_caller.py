"""A real gRPC server on a free port of this machine, and ways to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from casa.access.gate import Gate
from casa.access.keys import KeyStore, Scope
from casa.access.quota import LocalQuota
from casa.access.record import Grant, make_key
from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.monitoring.metrics import Metrics
from casa.settings import Settings
from casa.transports.batcher import Batcher
from casa.transports.desk import Desk
from casa.transports.grpc import GrpcServer
from casa.transports.protos import casa_pb2, casa_pb2_grpc, open_inference_pb2_grpc
from casa.transports.rpc import Clock
from casa.transports.serving import Serving

TODAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEPPER = b"pepper of these tests, 32 bytes."
EXAMPLE = {name.lower(): value for name, value in HOUSE.example.items()}


def house(**changes: float | None) -> casa_pb2.House:
    """The example, with some values changed or left out."""
    values = EXAMPLE | changes
    return casa_pb2.House(**{name: value for name, value in values.items() if value is not None})


def make_gate(tokens: dict[str, Grant], metrics: Metrics) -> Gate:
    """A gate that opens for each of these grants' tokens."""
    made = {name: make_key(grant, pepper=PEPPER, random=Random(name), now=TODAY) for name, grant in tokens.items()}
    store = KeyStore(PEPPER)
    store.replace([record.key() for _, record in made.values()], now=TODAY)
    return Gate(store, LocalQuota(), None, metrics=metrics)


def token(name: str) -> str:
    """The token that `make_gate` gives to this name."""
    return make_key(Grant(client="any"), pepper=PEPPER, random=Random(name), now=TODAY)[0]


def grants() -> dict[str, Grant]:
    """Two clients without limits, one with three calls a minute, and one that may not ask for prices."""
    few: tuple[Scope, ...] = ("predict",)
    return {
        "free": Grant(client="free", scopes=few, quota="unlimited"),
        "other": Grant(client="other", scopes=few, quota="unlimited"),
        "poor": Grant(client="poor", scopes=few, quota="3/minute"),
        "monitor": Grant(client="monitor", scopes=("monitor",), quota="unlimited"),
    }


class GrpcCaller:
    """One running server, with stubs for its services and a key for its calls."""

    def __init__(self, serving: Serving, server: GrpcServer, portal: BlockingPortal, port: int) -> None:
        self.serving = serving
        self.server = server
        self.portal = portal
        self.port = port
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.casa = casa_pb2_grpc.CasaStub(self.channel)
        self.inference = open_inference_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        self.key = (("x-api-key", token("free")),)

    def drain(self) -> None:
        self.serving.draining = True
        self.portal.call(self.server.drain)

    def stop(self, grace_seconds: float = 5) -> None:
        self.portal.call(self.server.stop, grace_seconds)

    def raw(self, method: str, content: bytes, **options: Any) -> bytes:
        """A call of a method by its full name with any bytes."""
        answer: bytes = self.channel.unary_unary(method)(content, metadata=self.key, **options)
        return answer

    def refusal(self, call: Callable[..., Any], message: object, **options: Any) -> grpc.RpcError:
        """The error of a call that fails."""
        with pytest.raises(grpc.RpcError) as caught:
            list(call(message, **{"metadata": self.key, "timeout": 10, **options}))
        return caught.value


@contextmanager
def answering(
    pricer: Pricer, folder: Path, *, desk: Desk | None = None, clock: Clock = lambda: TODAY, **settings: Any
) -> Iterator[GrpcCaller]:
    """A server in an event loop of its own; the clocks are what a test may break."""
    metrics = Metrics()
    serving = Serving(Settings(data_dir=folder, **settings), pricer, gate=make_gate(grants(), metrics), metrics=metrics)
    if desk:
        serving.desk, serving.batcher = desk, Batcher(desk.price_each)
    with start_blocking_portal() as portal, ExitStack() as stack:
        server = portal.call(make_server, serving, clock)
        port = portal.call(server.start, "127.0.0.1", 0)
        stack.callback(portal.call, server.stop, 5)
        caller = GrpcCaller(serving, server, portal, port)
        stack.callback(caller.channel.close)
        yield caller


async def make_server(serving: Serving, clock: Clock = lambda: TODAY) -> GrpcServer:
    """A server that is not started; grpc wants it made in its event loop."""
    return GrpcServer(serving, serving.gate, inference=serving.inference, clock=clock)
