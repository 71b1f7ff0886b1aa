"""Prometheus reads at most 400 series, whatever callers do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path

import grpc
import orjson
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from prometheus_client.parser import text_string_to_metric_families

from casa.monitoring.answers import UNKNOWN, Answered
from casa.monitoring.metrics import MOST_PAIRS
from casa.monitoring.priced import NOTHING
from casa.transports.calls import CALLS
from casa.transports.protos import casa_pb2, open_inference_pb2
from casa.transports.routes import ROUTES
from tests.transports.caller import EXAMPLE, Caller
from tests.transports.conftest import serving

MOST = 400
MADE_UP = "casa-was-not-here"
MODEL = "/v2/models/casa"
PATHS = [*ROUTES, *CALLS, "/v2", "/v2/health/live", MODEL, f"{MODEL}/ready", f"{MODEL}/infer", f"{MODEL}/{MADE_UP}"]
METHODS = ["GET", "HEAD", "POST", "PUT", MADE_UP.upper()]
HOUSE = orjson.dumps(EXAMPLE)
BODIES = [b"", HOUSE, b'{"instances": [%b]}' % HOUSE, b"{", b"[]", b"{}", b" " * 70_000, b" " * 5_000_000]
HEADERS = [{}, {"x-api-key": "nobody"}, {"authorization": "Bearer casa"}, {"content-type": "application/json"}]
DESCRIPTORS = [casa_pb2.DESCRIPTOR, open_inference_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]


@pytest.fixture
def caller(store_home: Path) -> Iterator[Caller]:
    with serving(store_home, body_seconds="0.2") as caller:
        yield caller


def count_series(caller: Caller) -> int:
    return sum(len(family.samples) for family in text_string_to_metric_families(caller.get("/metrics").text))


def ask_all_over_http(caller: Caller) -> None:
    for path, method, headers in product([*PATHS, f"/{MADE_UP}"], METHODS, HEADERS):
        caller.get(path, method=method, headers={"x-request-id": MADE_UP, **headers})
    for path, body, headers in product(PATHS, BODIES, HEADERS):
        caller.get(path, method="POST", content=body, headers=headers)


def ask_all_over_grpc(caller: Caller) -> None:
    services = [service for file in DESCRIPTORS for service in file.services_by_name.values()]
    names = [f"/{service.full_name}/{method.name}" for service in services for method in service.methods]
    keys = [(), (("x-api-key", "nobody"),), (("x-api-key", caller.key),)]
    with grpc.insecure_channel(f"127.0.0.1:{caller.app.serving.settings.grpc_port}") as channel:
        for name, key, body in product([*names, f"/{MADE_UP}/Predict"], keys, [b"", b"\xff", b"\x0a\x02ab"]):
            with suppress(grpc.RpcError):
                list(channel.unary_stream(name)(body, metadata=key, timeout=0.3))


def test_hostile_traffic_to_every_route_makes_few_series(caller: Caller) -> None:
    caller.batch(*[EXAMPLE] * 200)
    for draining in (False, True):
        caller.app.serving.draining = draining
        ask_all_over_http(caller)
        ask_all_over_grpc(caller)
    shown = caller.get("/metrics").text
    assert 150 < count_series(caller) <= MOST
    assert MADE_UP not in shown.lower()
    assert f'route="/{casa_pb2.DESCRIPTOR.package}.Casa/PredictStream"' in shown


def test_names_that_callers_make_up_would_not_add_up(caller: Caller) -> None:
    before = count_series(caller)
    calls = [Answered(0.0, f"/{place}", "200", 0.0, UNKNOWN, "", "", 0, NOTHING) for place in range(1000)]
    caller.app.serving.metrics.watch(calls, lost=0)
    assert count_series(caller) <= before + MOST_PAIRS + 1 <= MOST
    assert 'casa_requests_total{route="other",status="other"} 78' in caller.get("/metrics").text
