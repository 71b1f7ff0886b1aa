"""What comes over a connection before there is a request: answered rightly or refused clearly, and never guessed at."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import httpx
import orjson
import pytest

from casa.transports.connection import MOST_FIELDS, MOST_HEAD_BYTES, MOST_WAITING
from tests.live import Live, live
from tests.servers import until
from tests.transports.caller import EXAMPLE
from tests.transports.raw import Heard, connected, hear, talk

HEAD_SECONDS = 0.5
MOST_CONNECTIONS = 20
HOST = b"Host: casa\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: casa\r\nConnection: close\r\n\r\n"
"""A request that is answered 200 wherever a connection is still good for another one."""


@pytest.fixture(scope="module")
def server(store_home: Path) -> Iterator[Live]:
    with live(
        store_home, head_seconds=str(HEAD_SECONDS), body_seconds="0.5", max_connections=str(MOST_CONNECTIONS)
    ) as server:
        yield server


def get(line: bytes, fields: bytes = HOST) -> bytes:
    return b"GET " + line + b"\r\n" + fields + b"\r\n"


def post(framing: bytes, body: bytes) -> bytes:
    return b"POST /nowhere HTTP/1.1\r\n" + HOST + framing + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked\r\n", body)


OLD = get(b"/livez HTTP/1.1")
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"
)

REFUSED: dict[str, bytes] = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": bytes(100),
    "a binary protocol": b"\x00\x00\x00\x2f\xffSMB",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in a line": get(b"/livez HTTP/2.0"),
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/1.2": get(b"/livez HTTP/1.2"),
    "an unknown method": OLD.replace(b"GET", b"BREW"),
    "a method in small letters": OLD.replace(b"GET", b"get"),
    "CONNECT": b"CONNECT casa:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT with a tunnel": b"CONNECT casa:443 HTTP/1.1\r\n" + HOST + b"\r\n" + OLD,
    "a bare LF": b"GET /livez HTTP/1.1\nHost: casa\n\n",
    "a bare LF after a field": get(b"/livez HTTP/1.1", b"Host: casa\n"),
    "a bare CR in a field": get(b"/livez HTTP/1.1", b"Host: casa\rX: y\r\n"),
    "a folded line": get(b"/livez HTTP/1.1", HOST + b"X: a\r\n b\r\n"),
    "a folded first line": get(b"/livez HTTP/1.1", b" " + HOST),
    "NUL in a value": get(b"/livez HTTP/1.1", HOST + b"X: a\0b\r\n"),
    "NUL in a name": get(b"/livez HTTP/1.1", HOST + b"X\0: a\r\n"),
    "NUL in the target": get(b"/livez\0 HTTP/1.1"),
    "a space in a name": get(b"/livez HTTP/1.1", HOST + b"X y: a\r\n"),
    "a space before the colon": post(b"Content-Length : 2\r\n", b"{}"),
    "no name": get(b"/livez HTTP/1.1", HOST + b": a\r\n"),
    "a target that is not ASCII": get(b"/\xc3\xa9 HTTP/1.1"),
    "a target of an authority": get(b"casa:80 HTTP/1.1"),
    "no Host": get(b"/livez HTTP/1.1", b""),
    "two Hosts": get(b"/livez HTTP/1.1", HOST * 2),
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
    "the same length twice": post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}"),
    "a list of lengths": post(b"Content-Length: 2, 2\r\n", b"{}"),
    "a length with a sign": post(b"Content-Length: +2\r\n", b"{}"),
    "a negative length": post(b"Content-Length: -2\r\n", b"{}"),
    "a length in hex": post(b"Content-Length: 0x2\r\n", b"{}"),
    "a length of many digits": post(b"Content-Length: " + b"9" * 30 + b"\r\n", b"{}"),
    "a length and chunks": post(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + OLD),
    "chunks and a length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"0\r\n\r\n" + OLD),
    "chunks twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "another coding": post(b"Transfer-Encoding: gzip\r\n", OLD),
    "no coding at all": post(b"Transfer-Encoding: identity\r\n", OLD),
    "a coding that looks like chunks": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunks on one route, unread": OLD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "a negative chunk": chunked(b"-1\r\n{}\r\n0\r\n\r\n"),
    "a chunk in C's hex": chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk without end": chunked(b"f" * 20 + b"\r\n{}"),
    "a chunk longer than it says": chunked(b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk with a bare LF": chunked(b"2\n{}\n0\n\n"),
    "an extension with a bare LF": chunked(b"2;a\nb\r\n{}\r\n0\r\n\r\n"),
    "a trailer that is folded": chunked(b"0\r\nX: a\r\n b\r\n\r\n"),
}

ANSWERED: dict[str, tuple[bytes, list[int]]] = {
    "empty lines before a request": (b"\r\n\r\n" + OLD, [200, 200]),
    "two requests at once": (OLD + post(b"Content-Length: 2\r\n", b"{}"), [200, 404, 200]),
    "a whole target": (get(b"http://casa/livez HTTP/1.1"), [200, 200]),
    "chunks with extensions and trailers": (chunked(b"2;a=b\r\n{}\r\n0;c\r\nX: y\r\n\r\n"), [404, 200]),
    "an offer of HTTP/2": (get(b"/livez HTTP/1.1", HOST + UPGRADE), [200, 200]),
    "an offer of HTTP/2 with a body": (post(UPGRADE + b"Content-Length: 2\r\n", b"{}"), [404, 200]),
    "an offer of a websocket": (get(b"/livez HTTP/1.1", HOST + WEBSOCKET), [200, 200]),
    "an offer that was not meant": (get(b"/livez HTTP/1.1", HOST + b"Upgrade: h2c\r\n"), [200, 200]),
    "HTTP/1.0": (get(b"/livez HTTP/1.0", b""), [200]),
    "HTTP/1.0 with more to come": (get(b"/livez HTTP/1.0", b"Connection: keep-alive\r\n"), [200]),
    "more after the last request": (LAST + OLD, [200]),
    "an expectation that is not ours": (get(b"/livez HTTP/1.1", HOST + b"Expect: a miracle\r\n"), [200, 200]),
    "as many fields as may be": (get(b"/livez HTTP/1.1", HOST + b"X: y\r\n" * (MOST_FIELDS - 1)), [200, 200]),
}

TOO_LARGE: dict[str, bytes] = {
    "a target": get(b"/" + b"a" * 1_000_000 + b" HTTP/1.1"),
    "a field": get(b"/livez HTTP/1.1", HOST + b"X: " + b"a" * MOST_HEAD_BYTES + b"\r\n"),
    "a name": get(b"/livez HTTP/1.1", HOST + b"a" * 1_000_000 + b": x\r\n"),
    "many fields": get(b"/livez HTTP/1.1", HOST + b"X: y\r\n" * MOST_FIELDS),
    "very many fields": get(b"/livez HTTP/1.1", HOST + b"X: y\r\n" * 1_000_000),
    "empty lines": b"\r\n" * 500_000,
    "an extension": chunked(b"2;" + b"a" * 1_000_000 + b"\r\n{}\r\n0\r\n\r\n"),
    "a size": chunked(b"0" * 1_000_000 + b"2\r\n{}\r\n0\r\n\r\n"),
    "a trailer": chunked(b"0\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"),
    "many trailers": chunked(b"0\r\n" + b"X: y\r\n" * 200_000 + b"\r\n"),
}


def statuses(answers: list[Heard]) -> list[int]:
    return [answer.status for answer in answers]


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_is_unclear_is_refused_and_nothing_after_it_is_read(server: Live, sent: bytes) -> None:
    (answer,) = talk(server, sent + LAST)
    assert answer.status == 400
    assert answer.is_problem()


@pytest.mark.parametrize(("sent", "expected"), ANSWERED.values(), ids=ANSWERED)
def test_what_is_clear_is_answered_request_by_request(server: Live, sent: bytes, expected: list[int]) -> None:
    assert statuses(talk(server, sent + LAST)) == expected


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_surrounds_a_body_is_bounded(server: Live, sent: bytes) -> None:
    (answer,) = talk(server, sent)
    assert answer.status == 431
    assert answer.is_problem()


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("name", ["two requests at once", "an offer of HTTP/2 with a body"])
def test_it_does_not_matter_how_bytes_are_cut(server: Live, name: str, size: int) -> None:
    sent, expected = ANSWERED[name]
    with connected(server) as connection:
        for begin in range(0, len(sent + LAST), size):
            connection.send((sent + LAST)[begin : begin + size])
        assert statuses(hear(connection)) == expected


def test_a_refusal_waits_for_the_answers_of_earlier_requests(server: Live) -> None:
    head = b"POST /predict HTTP/1.1\r\nX-API-Key: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    body = orjson.dumps(EXAMPLE)
    asked = head % (server.key.encode(), len(body)) + HOST + b"\r\n" + body
    answers = talk(server, asked + asked + b"no HTTP\r\n\r\n")
    assert statuses(answers) == [200, 200, 400]
    assert "prediction" in orjson.loads(answers[0].body)


def test_a_request_sent_ahead_whose_body_breaks_off_has_one_answer(server: Live) -> None:
    assert statuses(talk(server, OLD + OLD + chunked(b"2\r\n{}x"))) == [200, 200, 400]


@pytest.mark.parametrize("sent", [b"G", REFUSED["a chunk longer than it says"]], ids=["slow", "broken"])
def test_nothing_follows_a_refusal(server: Live, sent: bytes) -> None:
    with connected(server, sent) as connection, connection.makefile("rb") as file:
        assert file.read().count(b"\r\n\r\n") == 1


def test_a_body_that_breaks_off_after_its_answer_has_no_other(server: Live) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
    )
    with connected(server, head + b"18000\r\n" + b" " * 0x18000 + b"\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
        connection.sendall(b"no chunk\r\n")
        assert connection.recv(4096) == b""


def test_a_trailer_is_no_header_field(server: Live) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
    )
    (answer, _) = talk(server, head + b"2\r\n{}\r\n0\r\nX-API-Key: " + server.key.encode() + b"\r\n\r\n" + LAST)
    assert answer.status == 401


def test_requests_sent_ahead_are_bounded(server: Live) -> None:
    answers = talk(server, OLD * (MOST_WAITING + 9))
    assert statuses(answers) == [200] * (MOST_WAITING + 1) + [503]
    assert answers[-1].fields[b"retry-after"] == b"1"


def test_a_body_is_asked_for_where_a_caller_waits_for_that(server: Live) -> None:
    key, body = b"X-API-Key: %b\r\n" % server.key.encode(), orjson.dumps(EXAMPLE)
    framing = b"Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    head = b"POST /predict HTTP/1.1\r\nConnection: close\r\n" + HOST + key + framing + b"\r\n"
    with connected(server, head) as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert statuses(hear(connection)) == [200]


@pytest.mark.parametrize("sent", [b"G", OLD[:-2], OLD + OLD[:-2], b"\r\n" + OLD[:9]])
def test_a_head_that_does_not_end_is_told_so_in_time(server: Live, sent: bytes) -> None:
    begin = monotonic()
    answers = talk(server, sent)
    assert answers[-1].status == 408
    assert answers[-1].is_problem()
    assert 0.5 * HEAD_SECONDS < monotonic() - begin < 4 * HEAD_SECONDS


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_without_a_request_is_closed_in_silence(server: Live, sent: bytes) -> None:
    begin = monotonic()
    assert talk(server, sent) == []
    assert monotonic() - begin < 4 * HEAD_SECONDS


def test_an_empty_line_does_not_keep_a_connection_open(server: Live) -> None:
    with connected(server, OLD) as connection:
        assert connection.recv(1000).endswith(b"}")
        connection.sendall(b"\r\n")
        begin = monotonic()
        assert connection.recv(1) == b""
    assert monotonic() - begin < 4 * HEAD_SECONDS


def test_a_head_that_comes_line_by_line_has_no_more_time(server: Live) -> None:
    with connected(server, OLD[:-2]) as connection:
        connection.settimeout(HEAD_SECONDS / 10)
        until(lambda: answers_after(connection, b"X: y\r\n"), seconds=4 * HEAD_SECONDS)


def answers_after(connection: socket.socket, sent: bytes) -> bool:
    connection.sendall(sent)
    try:
        return connection.recv(1000).startswith(b"HTTP/1.1 408")
    except TimeoutError:
        return False


def test_a_caller_who_takes_no_answers_is_cut_off(server: Live) -> None:
    with connected(server) as connection:
        until(lambda: is_cut_off(connection), seconds=20)


def is_cut_off(connection: socket.socket) -> bool:
    connection.settimeout(HEAD_SECONDS / 10)
    try:
        connection.sendall(get(b"/docs.json HTTP/1.1") * MOST_WAITING)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


@pytest.fixture
def full(server: Live) -> Iterator[Live]:
    """The server with all its connections in use."""
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            stack.enter_context(connected(server, OLD)).recv(1)
        yield server


def test_one_connection_more_than_there_is_room_for_is_told_so_at_once(full: Live) -> None:
    (answer,) = talk(full, OLD)
    assert (answer.status, answer.fields[b"retry-after"], answer.is_problem()) == (503, b"1", True)


def test_many_connections_more_are_closed_without_a_word(full: Live) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            stack.enter_context(connected(full))
        assert stack.enter_context(connected(full)).recv(1) == b""


def test_what_happens_to_connections_is_counted(server: Live) -> None:
    talk(server, b"no HTTP\r\n\r\n")
    shown = httpx.get(f"{server.address}/metrics").text
    assert 'casa_connections_refused_total{status="400"}' in shown
    assert "casa_connections 1.0" in shown
