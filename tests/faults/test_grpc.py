"""gRPC callers that vanish, never read, flood, have no deadline, or speak no gRPC."""

from __future__ import annotations

import gc
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from casa.model.pricer import Pricer
from casa.transports.protos import casa_pb2, casa_pb2_grpc, open_inference_pb2
from casa.transports.reception import MOST_CALLS, MOST_STRANGERS, MOST_STREAMS
from casa.transports.room import PATIENCE
from tests.servers import until
from tests.transports.grpc_caller import TODAY, GrpcCaller, answering, house, token

Code = grpc.StatusCode
MEGABYTE = 1024 * 1024
STREAM, PREDICT = b"/casa.v1.Casa/PredictStream", b"/casa.v1.Casa/Predict"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

SMALL_WINDOW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))


@pytest.fixture
def caller(pricer: Pricer, tmp_path: Path) -> Iterator[GrpcCaller]:
    with answering(pricer, tmp_path) as caller:
        yield caller


def header(name: bytes, value: bytes) -> bytes:
    """One field of HPACK, never indexed, for names and values under 127 bytes."""
    return b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind: int, flags: int, content: bytes) -> bytes:
    """One frame of HTTP/2 on the first stream."""
    return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", 1) + content


def begin(path: bytes, *, name: str = "free", silent: bool = False) -> bytes:
    """The bytes of a connection that begins a call of this path, with a good key, and one house unless it is silent."""
    fields = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"casa", b"te": b"trailers"}
    more = {b"content-type": b"application/grpc", b"x-api-key": token(name).encode()}
    head = b"".join(header(name, value) for name, value in {**fields, **more}.items())
    if silent:
        return HELLO + frame(1, 4, head)
    message = house().SerializeToString()
    return HELLO + frame(1, 4, head) + frame(0, 0, b"\0" + struct.pack(">I", len(message)) + message)


def send(caller: GrpcCaller, content: bytes) -> socket.socket:
    """A connection over which this was sent."""
    connection = socket.create_connection(("127.0.0.1", caller.port), timeout=10)
    connection.sendall(content)
    return connection


def is_healthy(caller: GrpcCaller) -> bool:
    check = health_pb2_grpc.HealthStub(caller.channel).Check
    return bool(check(health_pb2.HealthCheckRequest(), timeout=10).status == health_pb2.HealthCheckResponse.SERVING)


def answers(caller: GrpcCaller) -> bool:
    return bool(caller.casa.Predict(house(), metadata=caller.key, timeout=10).prediction > 0)


def read_until(connection: socket.socket, word: bytes) -> bytes:
    heard = b""
    while word not in heard and (more := connection.recv(4096)):
        heard += more
    return heard


@pytest.mark.parametrize("path", [b"/\xff\xfe/\xfd", b"/casa.v1.Casa/\xff", b"/\x00", b"?", b""])
def test_a_path_that_is_no_text_harms_nobody(caller: GrpcCaller, path: bytes) -> None:
    with send(caller, begin(path)) as connection:
        assert b"no such method" in read_until(connection, b"no such method")
    assert answers(caller)


def test_a_key_that_is_no_text_is_a_wrong_key(caller: GrpcCaller) -> None:
    with send(caller, begin(STREAM).replace(token("free").encode(), b"\xff" * len(token("free")))) as connection:
        assert b"unknown, wrong" in read_until(connection, b"unknown, wrong")
    assert answers(caller)


@pytest.mark.parametrize(
    "content", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 99, bytes(5000), HELLO + b"\xff" * 999]
)
def test_what_is_no_grpc_harms_nobody(caller: GrpcCaller, content: bytes) -> None:
    with send(caller, content):
        assert answers(caller)


def test_a_caller_that_vanishes_leaves_nothing_behind(caller: GrpcCaller) -> None:
    connections = [send(caller, begin(STREAM)) for _ in range(MOST_STREAMS // 2)]
    until(lambda: caller.server.running == MOST_STREAMS // 2)
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone without a word
        connection.close()
    until(lambda: caller.server.running == 0)
    assert answers(caller)


def test_a_caller_that_never_reads_is_not_read_either(caller: GrpcCaller) -> None:
    sent, before = count(), psutil.Process().memory_info().rss
    with grpc.insecure_channel(f"127.0.0.1:{caller.port}", options=SMALL_WINDOW) as channel:
        outcomes = casa_pb2_grpc.CasaStub(channel).PredictStream(endless(sent), metadata=caller.key)
        until(Stalled(sent), seconds=60)
        assert psutil.Process().memory_info().rss - before < 32 * MEGABYTE
        assert answers(caller)
        outcomes.cancel()
    until(lambda: caller.server.running == 0)


def endless(sent: count[int]) -> Iterator[casa_pb2.House]:
    while True:
        next(sent)
        yield house()


class Stalled:
    """Has a count stood still for a second?"""

    def __init__(self, counted: count[int]) -> None:
        self._counted = counted
        self._seen = ("", 0.0)

    def __call__(self) -> bool:
        now, shown = monotonic(), repr(self._counted)
        if shown != self._seen[0]:
            self._seen = (shown, now)
        return now - self._seen[1] > 1


def test_a_flood_over_one_connection_is_answered_to_the_last_call(caller: GrpcCaller) -> None:
    calls = [caller.casa.Predict.future(house(), metadata=caller.key, timeout=60) for _ in range(3000)]
    assert {call.code() for call in calls} == {Code.OK}


def test_more_streams_than_there_is_room_for_are_refused_and_keep_no_other_call_out(caller: GrpcCaller) -> None:
    connections = [send(caller, begin(STREAM)) for _ in range(MOST_STREAMS // 2)]
    until(lambda: caller.server.running == MOST_STREAMS // 2)
    error = caller.refusal(caller.casa.PredictStream, iter([house()]))
    assert (error.code(), dict(error.trailing_metadata())["retry-after"]) == (Code.UNAVAILABLE, "1")
    assert list(caller.casa.PredictStream(iter([house()]), metadata=(("x-api-key", token("other")),)))
    connections += [send(caller, begin(STREAM, name="other")) for _ in range(MOST_STREAMS // 2)]
    until(lambda: caller.server.running == MOST_STREAMS)
    assert answers(caller)
    for connection in connections:
        connection.close()
    until(lambda: caller.server.running == 0)
    assert list(caller.casa.PredictStream(iter([house()]), metadata=caller.key))


def test_strangers_who_watch_our_health_keep_nobody_out(caller: GrpcCaller) -> None:
    watch = health_pb2_grpc.HealthStub(caller.channel).Watch
    watching = [watch(health_pb2.HealthCheckRequest()) for _ in range(MOST_STRANGERS)]
    assert {next(states).status for states in watching} == {health_pb2.HealthCheckResponse.SERVING}
    assert caller.refusal(watch, health_pb2.HealthCheckRequest()).code() is Code.UNAVAILABLE
    assert answers(caller)
    assert is_healthy(caller)


@pytest.mark.parametrize(("path", "places"), [(b"/grpc.health.v1.Health/Check", MOST_STRANGERS), (PREDICT, MOST_CALLS)])
def test_calls_without_a_message_make_room_for_those_that_have_one(
    pricer: Pricer, tmp_path: Path, path: bytes, places: int
) -> None:
    now = [TODAY]
    with answering(pricer, tmp_path, clock=lambda: now[0]) as caller, ExitStack() as connections:
        for _ in range(places):
            connections.enter_context(send(caller, begin(path, silent=True)))
        until(lambda: caller.server.running == places)
        ask = answers if path == PREDICT else is_healthy
        with pytest.raises(grpc.RpcError, match="busy"):
            ask(caller)  # their messages may be on their way
        now[0] += PATIENCE
        assert ask(caller)
        connections.close()
        until(lambda: caller.server.running == 0)


def test_the_messages_of_refused_calls_are_forgotten_at_once(caller: GrpcCaller) -> None:
    content = open_inference_pb2.ModelInferRequest(model_name="none", raw_input_contents=[bytes(300_000)])
    infer, process = caller.inference.ModelInfer, psutil.Process()
    caller.refusal(infer, content)
    gc.disable()
    try:
        before = process.memory_info().rss
        assert {caller.refusal(infer, content).code() for _ in range(300)} == {Code.NOT_FOUND}
        assert process.memory_info().rss - before < 30 * MEGABYTE
    finally:
        gc.enable()


def test_a_silent_stream_without_a_deadline_holds_nobody_up(caller: GrpcCaller) -> None:
    silence: SimpleQueue[None] = SimpleQueue()
    outcomes = caller.casa.PredictStream(iter(silence.get, None), metadata=caller.key)
    until(lambda: caller.server.running == 1)
    start = monotonic()
    caller.stop(grace_seconds=60)
    assert monotonic() - start < 10
    assert caller.refusal(lambda *_, **__: outcomes, None).code() is Code.UNAVAILABLE
    silence.put(None)


def test_a_call_whose_deadline_has_passed_leaves_nothing_behind(caller: GrpcCaller) -> None:
    houses = casa_pb2.Houses(instances=[house()] * 1000)
    error = caller.refusal(caller.casa.PredictBatch, houses, timeout=0.001)
    assert error.code() is Code.DEADLINE_EXCEEDED
    until(lambda: caller.server.running == 0)
    assert answers(caller)


def test_a_connection_that_is_too_old_is_left_without_losing_a_call(caller: GrpcCaller) -> None:
    end = monotonic() + 6
    while monotonic() < end:
        assert answers(caller)


def test_a_strangers_large_message_is_not_read(caller: GrpcCaller) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{caller.port}") as channel:
        houses = casa_pb2.Houses(instances=[house()] * 30_000)
        error = caller.refusal(casa_pb2_grpc.CasaStub(channel).PredictBatch, houses, metadata=())
    assert error.code() is Code.UNAUTHENTICATED
