"""A caller over gRPC who keeps one channel, as clients do, and tries no call twice."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Self

import grpc

from casa.house import HOUSE
from casa.transports.protos.casa_pb2 import House
from casa.transports.protos.casa_pb2_grpc import CasaStub
from tests.cluster.release import GRPC, NODE

SECONDS = 10.0


class GrpcCaller:
    """A thread that calls as long as it is let."""

    def __init__(self, key: str, *, pause: float = 0.02) -> None:
        self._metadata = [("x-api-key", key)]
        self._pause = pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.outcomes = Counter[str]()
        """Calls by their status."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        house = House(**{name.lower(): value for name, value in HOUSE.example.items()})
        # Without retries of gRPC's own: what is counted is what the service does.
        with grpc.insecure_channel(f"{NODE}:{GRPC}", options=[("grpc.enable_retries", 0)]) as channel:
            stub = CasaStub(channel)
            while not self._end.wait(self._pause):
                try:
                    stub.Predict(house, timeout=SECONDS, metadata=self._metadata)
                    self.outcomes["OK"] += 1
                except grpc.RpcError as error:
                    self.outcomes[f"{error.code().name}: {error.details()}"] += 1
