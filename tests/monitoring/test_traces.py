"""Spans of a real service, taken by a real receiver of OTLP over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import time
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from casa.monitoring.answers import Answered
from casa.monitoring.priced import NOTHING
from casa.monitoring.traces import MOST_WAITING, open_traces
from casa.transports.parent import HEADER, MOST_BYTES, choose
from tests.transports.caller import EXAMPLE
from tests.transports.conftest import serving

PROJECT = Path(__file__).parents[2]
VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
NO_PARENTS = [
    f"00-{TRACE.upper()}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}-{SPAN}-01-more",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}",
    f"00-{TRACE}-{SPAN}-\u0663\u0663",
    "\x00\xff",
]
"""Values that W3C's rules refuse."""


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.taken: list[ExportTraceServiceRequest] = []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> dict[str, Span]:
        """What it was sent, by name and status."""
        scopes = (scope for request in self.taken for sent in request.resource_spans for scope in sent.scope_spans)
        return {f"{span.name} {status(span)}": span for scope in scopes for span in scope.spans}


class Taker(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            self.server.taken.append(ExportTraceServiceRequest.FromString(content))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def told(span: Span) -> dict[str, Any]:
    """A span's attributes."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def status(span: Span) -> str:
    seen = told(span)
    return str(seen.get("http.response.status_code") or seen["rpc.response.status_code"])


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv(VARIABLE, receiver.address)
    yield receiver
    receiver.shutdown()
    thread.join()
    receiver.server_close()


def answered(status: str, *, parent: str = "") -> Answered:
    return Answered(time(), "/predict", status, 0.25, (0.01, 0.02, 0.03), "id", "acme", 0, NOTHING, parent)


def send(*calls: Answered) -> Answered:
    """Have spans made of these calls, and sent; the last of them."""
    traces = open_traces("0123456789ab")
    traces.start()
    traces.watch(calls, lost=0)
    traces.stop()
    return calls[-1]


def refuse_over_grpc(port: int, *metadata: tuple[str, str]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary("/casa.v1.Casa/Predict")(b"", timeout=5, metadata=metadata)


def test_each_call_of_a_service_is_a_span(receiver: Receiver, store_home: Path) -> None:
    with serving(store_home) as caller:
        caller.post("/predict", EXAMPLE, x_request_id="this-one")
        caller.batch(EXAMPLE, EXAMPLE, {})
        refuse_over_grpc(caller.app.serving.settings.grpc_port)
    spans = receiver.spans()
    assert {"/predict 200", "/predict/batch 200", "/casa.v1.Casa/Predict UNAUTHENTICATED"} <= set(spans)
    one, many = told(spans["/predict 200"]), told(spans["/predict/batch 200"])
    assert (one["casa.request_id"], one["casa.rows"], many["casa.rows"]) == ("this-one", 1, 2)
    assert one["casa.model_seconds"] > 0


def test_a_span_lasts_as_its_call_did_and_has_its_stages(receiver: Receiver) -> None:
    call = send(answered("200"))
    (span,) = receiver.spans().values()
    assert span.end_time_unix_nano == pytest.approx(call.at * 1e9, abs=1000)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    stages = [told(span)[f"casa.{stage}_seconds"] for stage in ("parse", "access", "model")]
    assert (stages, span.parent_span_id, span.kind) == ([0.01, 0.02, 0.03], b"", Span.SPAN_KIND_SERVER)


def test_a_call_is_a_child_of_the_span_its_caller_names(receiver: Receiver, store_home: Path) -> None:
    with serving(store_home) as caller:
        caller.post("/predict", EXAMPLE, traceparent=PARENT)
        refuse_over_grpc(caller.app.serving.settings.grpc_port, ("traceparent", PARENT))
    for span in (receiver.spans()[name] for name in ("/predict 200", "/casa.v1.Casa/Predict UNAUTHENTICATED")):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)


def test_a_call_of_a_trace_that_is_not_recorded_has_no_span(receiver: Receiver) -> None:
    send(answered("200", parent=f"00-{TRACE}-{SPAN}-00"), answered("422"))
    assert list(receiver.spans()) == ["/predict 422"]


@pytest.mark.parametrize("parent", NO_PARENTS)
def test_what_is_no_parent_is_ignored(receiver: Receiver, parent: str) -> None:
    send(answered("200", parent=parent))
    (span,) = receiver.spans().values()
    assert (span.parent_span_id, span.trace_id.hex() != TRACE) == (b"", True)


def test_two_parents_are_none(receiver: Receiver, store_home: Path) -> None:
    with serving(store_home) as caller:
        caller.exchange("/predict", fields=[(HEADER, PARENT.encode())] * 2, chunks=[{"type": "http.request"}])
    (span,) = receiver.spans().values()
    assert span.parent_span_id == b""


def test_a_huge_parent_does_not_wait_in_memory() -> None:
    assert [choose([b"0" * size]) for size in (MOST_BYTES, MOST_BYTES + 1)] == ["0" * MOST_BYTES, ""]


def test_only_our_own_failures_are_errors(receiver: Receiver) -> None:
    send(*map(answered, ("200", "422", "500", "503", "OK", "NOT_FOUND", "INTERNAL")))
    failed = {name for name, span in receiver.spans().items() if span.status.code == Status.STATUS_CODE_ERROR}
    assert failed == {f"/predict {status}" for status in ("500", "503", "INTERNAL")}


def test_it_says_what_serves(receiver: Receiver) -> None:
    send(answered("200"))
    (resource,) = (sent.resource for sent in receiver.taken[0].resource_spans)
    attributes = {one.key: one.value.string_value for one in resource.attributes}
    assert (attributes["service.name"], attributes["casa.model_version"]) == ("casa", "0123456789ab")


def test_calls_never_wait_for_a_receiver_that_is_away(receiver: Receiver) -> None:
    traces = open_traces("0123456789ab")
    for _ in range(2 * MOST_WAITING):  # the thread was not started: nothing is taken
        traces.watch([answered("200")], lost=0)
    traces.start()
    traces.stop()
    assert len(receiver.taken[0].resource_spans[0].scope_spans[0].spans) == MOST_WAITING


def test_where_nobody_wants_traces_nothing_is_imported(store_home: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from tests.transports.conftest import serving
with serving(Path({str(store_home)!r})) as caller:
    assert caller.predict().status_code == 200
print(*sys.modules)
"""
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], env=environ, cwd=PROJECT, capture_output=True, text=True)
    assert "casa.monitoring.outlook" in done.stdout, done.stderr
    assert "casa.monitoring.traces" not in done.stdout
    assert "opentelemetry.exporter" not in done.stdout
