"""OpenTelemetry's spans, one a call, made after the call of what was noted of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from queue import Full, Queue
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from casa import __version__
from casa.monitoring.answers import Answered

MOST_WAITING = 300
"""How many lots of finished calls may wait, 0.016 s' each: five seconds'. What finds no room has no span."""
STOP_SECONDS = 2.0
PARENTS = TraceContextTextMapPropagator()
FAILURES = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
"""The codes of gRPC that OpenTelemetry's conventions call a server's errors; of HTTP, it is 500 and above."""


class Traces:
    """A watcher of finished calls. A span takes 35 µs to make, so a thread of its own makes them."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("casa", __version__)
        self._waiting: Queue[Sequence[Answered] | None] = Queue(MOST_WAITING)
        self._thread = Thread(target=self._run, name="casa-traces", daemon=True)

    def start(self) -> None:
        """Begin to make spans."""
        self._thread.start()

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:  # noqa: ARG002 - the lost have no span
        """Leave finished calls to the thread."""
        with suppress(Full):
            self._waiting.put_nowait(answered)

    def stop(self) -> None:
        """Send what is left, and end; what cannot be sent in time is left behind."""
        if self._thread.ident is not None:
            with suppress(Full):
                self._waiting.put(None, timeout=STOP_SECONDS)
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while (answered := self._waiting.get()) is not None:
            for one in answered:
                self._tell(one)
        self._provider.shutdown()

    def _tell(self, one: Answered) -> None:
        end = round(one.at * 1e9)
        start = end - round(one.seconds * 1e9)
        # An empty context where the caller names no parent, or none that is one: not that of this thread.
        context = PARENTS.extract({"traceparent": one.parent}, Context())
        span = self._tracer.start_span(
            one.route, context=context, kind=SpanKind.SERVER, start_time=start, attributes=_attributes(one)
        )
        if one.status in FAILURES or (one.status.isdigit() and one.status >= "500"):
            span.set_status(StatusCode.ERROR)
        span.end(end)


def open_traces(version: str) -> Traces:
    """Traces to OTEL_EXPORTER_OTLP_ENDPOINT over HTTP. OpenTelemetry's own variables say how, and which are kept."""
    name = os.environ.get("OTEL_SERVICE_NAME", "casa")
    resource = Resource.create({"service.name": name, "service.version": __version__, "casa.model_version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


def _attributes(one: Answered) -> Mapping[str, str | int | float]:
    http = one.status.isdigit()
    outcome = {"http.response.status_code": int(one.status)} if http else {"rpc.response.status_code": one.status}
    parse, access, model = one.stages
    return {
        **outcome,
        "casa.request_id": one.request_id,
        "casa.client": one.client,
        "casa.rows": one.priced.rows,
        "casa.parse_seconds": parse,
        "casa.access_seconds": access,
        "casa.model_seconds": model,
    }
