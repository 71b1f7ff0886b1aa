"""`casa ask`: does a running service answer, over HTTP and gRPC, and with the same price?"""

from __future__ import annotations

from typing import Annotated

import typer

from casa.cli import console
from casa.errors import CasaError, Unavailable

SECONDS = 10.0
DIGITS = 4
"""What an answer over HTTP has of a price."""


def ask(
    url: Annotated[str, typer.Argument(metavar="URL", help="Its address over HTTP.")] = "http://127.0.0.1:3000",
    *,
    grpc: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Its address over gRPC, to be asked too.")
    ] = None,
) -> None:
    """Ask a running service for the price of a house; the exit code is 1 unless it answers as it should.

    It wants a key with the scope `predict`, in CASA_API_KEY.

    Example: casa ask http://127.0.0.1:3000 --grpc 127.0.0.1:3001
    """
    prices = {url: _by_http(url), **({grpc: _by_grpc(grpc)} if grpc else {})}
    for address, price in prices.items():
        console.answer(f"{address} answers {price:g}")
    if len(set(prices.values())) > 1:
        raise CasaError("the prices differ, so the addresses lead to services with different models")


def _by_http(url: str) -> float:
    from casa.client import Client

    with Client(url) as client:
        return client.predict(_house()).prediction


def _by_grpc(address: str) -> float:
    import os

    import grpc

    from casa.client.calls import KEY
    from casa.transports.protos.casa_pb2 import House
    from casa.transports.protos.casa_pb2_grpc import CasaStub

    house = House(**{name.lower(): value for name, value in _house().items()})
    try:
        with grpc.insecure_channel(address) as channel:
            metadata = [("x-api-key", os.environ.get(KEY, "").strip())]
            answer = CasaStub(channel).Predict(house, timeout=SECONDS, metadata=metadata)  # type: ignore[no-untyped-call]
    except grpc.RpcError as error:
        raise Unavailable(f"{address} answers {error.code().name}: {error.details()}") from error
    return round(float(answer.prediction), DIGITS)


def _house() -> dict[str, float]:
    """The house that every page of Casa's asks about."""
    from casa.house import HOUSE

    return {feature.name: feature.example for feature in HOUSE.features}
