"""Services that are drained, stopped, killed and started again while callers use them: real processes."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import orjson
import psutil
import pytest

from casa.house import HOUSE
from casa.transports.protos import casa_pb2_grpc
from tests.cli.shell import casa
from tests.faults.load import LOST, Load, balanced, loaded
from tests.servers import is_free, until
from tests.service.server import BENTOML, CASA, Server, serve
from tests.transports.grpc_caller import house

STARTS = {"bentoml": (BENTOML, ["."]), "casa": (CASA, [])}
BODY = orjson.dumps(HOUSE.example)


@pytest.fixture(scope="module")
def home(store_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BENTOML_HOME of our own; all services of this module share a data folder."""
    return Path(shutil.copytree(store_home, tmp_path_factory.mktemp("lifecycle") / "home"))


@pytest.fixture(scope="module")
def lasting(home: Path) -> Iterator[Server]:
    """A service that outlives every test."""
    with serve(".", home=home) as server:
        yield server


@pytest.fixture(params=STARTS)
def server(request: pytest.FixtureRequest, home: Path) -> Iterator[Server]:
    """A service of this test's own, started either way, that the test ends."""
    program, words = STARTS[request.param]
    with serve(*words, home=home, program=program) as server:
        worker = server.worker()
        yield server
        if worker.is_running():
            worker.kill()


def drain(server: Server, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> str:
    """What `casa drain` says."""
    monkeypatch.setenv("CASA_DATA_DIR", server.settings["CASA_DATA_DIR"])
    result = casa("drain", "--port", server.port, "--wait", seconds)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@contextmanager
def half_asked(server: Server) -> Iterator[socket.socket]:
    """A connection with a call that is running: its body has begun."""
    head = f"POST /predict HTTP/1.1\r\nHost: casa\r\nX-API-Key: {server.key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY[:9]))
        until(lambda: server.manage("GET")["running"] == 1)
        yield connection


def wait_answered(load: Load, calls: int) -> None:
    """Until so many more were answered."""
    enough = load.outcomes[200] + calls
    until(lambda: load.outcomes[200] >= enough, seconds=20)


def listening(process: psutil.Process) -> set[int]:
    """The TCP ports that a process listens on."""
    return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


def predict(server: Server) -> grpc.StatusCode:
    """How a gRPC call ends."""
    with grpc.insecure_channel(f"127.0.0.1:{server.settings['CASA_GRPC_PORT']}") as channel:
        ask = casa_pb2_grpc.CasaStub(channel).Predict
        return ask.future(house(), metadata=(("x-api-key", server.key),), timeout=10).code()


def test_64_callers_lose_nothing_while_one_of_two_servers_starts_again(
    lasting: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serve(".", home=home) as first,
        balanced(lasting.port, first.port) as balancer,
        loaded(balancer.port, first.key, callers=64) as load,
    ):
        wait_answered(load, 500)
        drain(first, monkeypatch, seconds=1)
        assert first.stop() == 0
        with serve(".", home=home, port=first.port):
            until(lambda: first.port in balancer.ready)
            wait_answered(load, 500)
    assert set(load.outcomes) == {200}


def test_drained_it_answers_and_sends_callers_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(".", home=home) as server:
        assert predict(server) is grpc.StatusCode.OK
        assert drain(server, monkeypatch, seconds=0).endswith("drains, with 0 calls running; SIGTERM ends it\n")
        answer = server.client.post("/predict", content=BODY, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert server.client.get("/readyz").status_code == 503
        assert predict(server) is grpc.StatusCode.OK


def test_nothing_over_tcp_can_drain_it(lasting: Server) -> None:
    assert lasting.client.post("/drain").status_code == 404
    assert listening(lasting.worker()) == {lasting.port, int(lasting.settings["CASA_GRPC_PORT"])}
    assert lasting.manage("GET")["draining"] is False


def test_a_killed_worker_is_replaced_and_loses_only_connections(lasting: Server) -> None:
    with loaded(lasting.port, lasting.key, callers=16) as load:
        wait_answered(load, 100)
        lasting.worker().kill()
        until(lambda: load.outcomes[LOST] and lasting.ready(), seconds=30)
        wait_answered(load, 100)
        assert lasting.manage("GET")["draining"] is False
    assert set(load.outcomes) == {200, LOST}


def test_a_killed_supervisor_leaves_no_worker_and_a_free_port(server: Server) -> None:
    worker = server.worker()
    with loaded(server.port, server.key, callers=16) as load:
        wait_answered(load, 100)
        server.supervisor().kill()
        until(lambda: not worker.is_running() and is_free(server.port), seconds=20)
    assert set(load.outcomes) <= {200, LOST}


def test_a_running_call_ends_before_a_stopped_server_does(server: Server) -> None:
    with half_asked(server) as connection:
        server.signal(signal.SIGTERM)
        until(lambda: server.manage("GET")["draining"])
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        connection.sendall(BODY[9:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0
