"""Casa as a BentoML service: our front before it, and the model that a Bento brings along."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import bentoml
import click
from bentoml.exceptions import NotFound as NotInStore
from bentoml.models import BentoModel
from starlette.types import ASGIApp
from uvicorn.config import HTTP_PROTOCOLS, LOOP_FACTORIES

from casa.errors import CasaError, InvalidSettings
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.store import FOLDER, open_store
from casa.settings import Settings, load_settings
from casa.telemetry import opt_out
from casa.transports import supervisor
from casa.transports.worker import bound_host, bound_port, follow_supervisor, starting

if TYPE_CHECKING:
    from casa.monitoring.traces import Traces
    from casa.transports.grpc import GrpcServer
    from casa.transports.http import Front
    from casa.transports.serving import Serving

ALIAS = "casa-baked"
"""What a Bento calls its own model; from source nothing has this name."""

CONNECTION = "casa.transports.connection:Connection"
LOOP = "casa.transports.loop:make_loop"
"""How uvicorn finds our guarded connections, and the loop that takes them."""

GRACE_SECONDS = 5.0
"""How long running gRPC calls may take to end once the worker stops."""

EMPTY = "casa: this Bento holds no model, for there is none yet; whoever serves it names one in CASA_MODEL_VERSION"

T = TypeVar("T")


class Baked(BentoModel):  # type: ignore[misc]  # BentoML's attrs classes are not typed
    """A model that goes into a Bento. Looked up in our store first: BentoML's would ask a cloud for a missing one."""

    def to_info(self, alias: str | None = None) -> Any:  # BentoML's record of a model
        """The record that the Bento keeps."""
        self._find()
        return super().to_info(alias or ALIAS)

    def resolve(self, base_path: Any = None, **stores: Any) -> Any:  # BentoML's stores and its model
        """BentoML's model."""
        self._find()
        return super().resolve(base_path, **stores)

    def _find(self) -> None:
        with _ending():
            open_store().find(self.tag.version)


class FrontedService(bentoml.Service[T]):  # type: ignore[misc]  # BentoML's attrs classes are not typed
    """A BentoML service behind our `Front`.

    `add_asgi_middleware` would put the front inside BentoML's own middleware, which makes a task and a timer
    for each request, keeps both until the timeout and answers slow bodies in its own words; a front outside
    answers nearly twice as many requests.
    """

    _front: Front | None = None

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002 - BentoML's signature
        """The application that is served."""
        from casa.transports.http import Front  # the supervisor does without

        gc.disable()  # until all is loaded: nothing is left behind meanwhile that is worth looking for
        follow_supervisor()
        logging.getLogger("uvicorn.access").propagate = False  # a line that nobody reads would be made for each call
        self._front = Front(super().to_asgi(is_main))
        HTTP_PROTOCOLS["auto"] = CONNECTION  # BentoML lets uvicorn choose both, and has no other way in
        LOOP_FACTORIES["auto"] = LOOP
        return self._front

    def __call__(self) -> T:
        """The service object, made when the application starts."""
        instance: T = super().__call__()
        if self._front:
            instance.running.stand_behind(self._front)  # type: ignore[attr-defined]  # every Casa has one
        return instance

    @property
    def models(self) -> list[Baked]:
        """What `bentoml build` puts into a Bento: the model that would be served now, or none."""
        with _ending():
            version = load_settings().model_version or open_store().champion
        if version is None and _building():
            print(EMPTY, file=sys.stderr)
        return [Baked(f"{bundle.NAME}:{version}")] if version else []

    @models.setter
    def models(self, _: object) -> None:
        """BentoML begins with an empty list."""


def load_bundle(settings: Settings) -> Bundle:
    """The model to serve: CASA_MODEL_VERSION, else the Bento's own, else the champion.

    NotFound or InvalidBundle says what is wrong with it.
    """
    own = _own()
    version = settings.model_version or (own and own.tag.version) or open_store().champion
    folder = Path(own.path) / FOLDER if own and own.tag.version == version else open_store().find(version)
    return bundle.load(folder, expect=version)


class Writer(Protocol):
    """What writes from a thread of its own, and writes what is left when it is stopped."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Running:
    """One worker's service: the model at work, who may call it, and the server of gRPC calls."""

    def __init__(self) -> None:
        from casa.access.opening import open_access  # the supervisor does without the database
        from casa.database import open_database
        from casa.migration import migrate
        from casa.monitoring.exchange import open_exchange
        from casa.monitoring.metrics import Metrics
        from casa.monitoring.opening import open_records
        from casa.transports.management import Management, find_socket
        from casa.transports.serving import open_serving, settle
        from casa.transports.typed import Typed

        with starting():
            settings = load_settings()
            saved = load_bundle(settings)
            self._host = bound_host()
            metrics = Metrics()
            engine = open_database(settings)
            migrate(engine)
            self._access = open_access(settings, engine, host=self._host, metrics=metrics, now=datetime.now(UTC))
            records, gate = open_records(settings, saved, metrics=metrics), self._access.gate
            self.serving = open_serving(settings, saved, gate=gate, metrics=metrics, records=records)
            self.typed = Typed(self.serving)
            traces = _open_traces(saved)
            self.serving.watchers += traces
            self.serving.traced = bool(traces)
            outlook, replica = self.serving.outlook, records.replica
            exchange = open_exchange(outlook, saved, engine, replica=replica, metrics=metrics)
            self._writers: list[Writer] = [records, exchange, *traces]
            self._front: Front | None = None
            self._grpc: GrpcServer | None = None
            path = find_socket(settings, bound_port() or settings.http_port)
            self._management = Management(path, drain=self.drain, state=self.state)
            settle()

    def stand_behind(self, front: Front) -> None:
        """Answer the HTTP calls that come in there."""
        self._front = front
        front.open(self.serving)

    async def open(self) -> None:
        """Follow the keys, take gRPC calls beside those over HTTP, and drain when told to."""
        from casa.monitoring.rounds import Rounds  # the supervisor does without these
        from casa.transports.ending import heed
        from casa.transports.grpc import start as start_grpc

        self._access.refresher.start()
        for writer in self._writers:
            writer.start()
        serving = self.serving
        Rounds(serving.answers, serving.watchers, later=asyncio.get_running_loop().call_later)
        with starting():
            self._grpc = await start_grpc(serving, serving.gate, inference=serving.inference, host=self._host)
        await self._management.open()
        heed(self.drain, body_seconds=serving.settings.body_seconds)
        threading.Thread(target=_complete, args=(serving,), daemon=True).start()

    def drain(self) -> None:
        """Send callers elsewhere: not ready, and each connection is closed, over HTTP after its next answer."""
        self.serving.draining = True
        if self._grpc:
            self._grpc.drain()

    def state(self) -> Mapping[str, object]:
        """Whether it drains, and how many calls are being answered."""
        running = sum(server.running for server in (self._front, self._grpc) if server)
        return {"draining": self.serving.draining, "running": running}

    async def close(self) -> None:
        """Let running calls end, and end what was opened. What hangs while it writes, hangs beside the others."""
        self.drain()
        if self._grpc:
            await self._grpc.stop(GRACE_SECONDS)
        await self._management.close()
        self.serving.pass_on()
        await asyncio.gather(*(asyncio.to_thread(writer.stop) for writer in self._writers))
        await self._access.close()


def _open_traces(saved: Bundle) -> list[Traces]:
    """Nothing of OpenTelemetry's exporter is imported where nobody wants traces."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return []
    from casa.monitoring.traces import open_traces

    return [open_traces(saved.version)]


def _complete(serving: Serving) -> None:
    from casa.transports.serving import complete

    with starting():
        complete(serving)


def check() -> None:
    """End the process with one sentence if there is nothing sound to serve.

    What takes longer to find out ends it later, by way of the worker: `supervisor.fail`.
    """
    opt_out()  # before BentoML counts this start
    with _ending():
        settings = load_settings()
        load_bundle(settings)
        check_port(bound_host(), settings.grpc_port)
    supervisor.await_failure()


def check_port(host: str, port: int) -> None:
    """InvalidSettings if gRPC calls could not be taken here."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise InvalidSettings(f"port {port} of {host} cannot be opened for gRPC; set CASA_GRPC_PORT") from error


@contextmanager
def _ending() -> Iterator[None]:
    """A CasaError is one sentence on stderr and the end of the process, not BentoML's traceback."""
    try:
        yield
    except CasaError as error:
        sys.exit(f"casa: {error}")


def _building() -> bool:
    command = click.get_current_context(silent=True)
    return command is not None and command.info_name == "build"


def _own() -> Any:  # a BentoML model, or None
    try:
        return bentoml.models.get(ALIAS)
    except NotInStore:
        return None
