"""What the front decides before anyone parses a body."""

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from casa.model.pricer import Pricer
from casa.monitoring.metrics import Metrics
from casa.settings import Settings
from casa.transports.http import Front
from casa.transports.serving import Serving
from tests.transports.caller import EXAMPLE, Caller, unstarted
from tests.transports.grpc_caller import TODAY, grants, make_gate, token

JSON = (b"content-type", b"application/json")
CLOSE = (b"connection", b"close")
INFER = "/v2/models/casa/infer"


def chunk(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_another_media_type_is_415(caller: Caller, media: str) -> None:
    assert caller.post("/predict", EXAMPLE, media=media).status_code == 415


@pytest.mark.parametrize(
    "media", ["Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"']
)
def test_json_in_utf_8_is_read(caller: Caller, media: str) -> None:
    assert caller.post("/predict", EXAMPLE, media=media).status_code == 200


def test_another_coding_is_415(caller: Caller) -> None:
    assert caller.post("/predict", EXAMPLE, media="application/json; charset=utf-16").status_code == 415
    assert caller.post("/predict", EXAMPLE, content_encoding="gzip").status_code == 415
    assert caller.post("/predict", EXAMPLE, media="application/vnd.bentoml+pickle").status_code == 415


@pytest.mark.parametrize(
    ("path", "twice"),
    [
        ("/predict", [(b"content-type", b"text/plain"), JSON]),
        ("/predict", [JSON, (b"content-encoding", b"gzip"), (b"content-encoding", b"identity")]),
        (INFER, [(b"content-encoding", b"gzip"), (b"content-encoding", b"identity")]),
        (INFER, [(b"inference-header-content-length", b"1"), (b"inference-header-content-length", b"2")]),
    ],
)
def test_what_a_body_is_may_be_said_but_once(caller: Caller, path: str, twice: list[tuple[bytes, bytes]]) -> None:
    start, *_ = caller.exchange(path, fields=[*twice, (b"content-length", b"2")], chunks=[chunk(b"{}")])
    assert start["status"] == 400


def test_failures_say_what_they_left_of_a_quota(pricer: Pricer, tmp_path: Path) -> None:
    metrics, front = Metrics(), Front(nobody, now=lambda: TODAY)
    front.open(Serving(Settings(data_dir=tmp_path), pricer, gate=make_gate(grants(), metrics), metrics=metrics))
    with unstarted(front) as caller:
        caller.key = token("poor")
        answers = [caller.predict(RM=2), caller.post(INFER, {}), caller.get("/v2/models/none")]
    assert [answer.status_code for answer in answers] == [422, 400, 404]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"default";r={left};t=60' for left in (2, 1, 0)]


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """BentoML, which is not asked."""


def test_a_slow_body_is_408_and_ends_its_connection(caller: Caller) -> None:
    fields = [JSON, (b"content-length", b"9")]
    start, *rest = caller.exchange("/predict", fields=fields, chunks=[chunk(b"{", more=True)])
    assert start["status"] == 408
    assert CLOSE in start["headers"]
    assert [message["more_body"] for message in rest] == [True, False]


def test_a_large_body_is_413_and_ends_its_connection(caller: Caller) -> None:
    chunks = [chunk(b" " * 40_000, more=True)] * 5 + [chunk(b"")]
    start, *_ = caller.exchange("/predict", fields=[JSON, (b"transfer-encoding", b"chunked")], chunks=chunks)
    assert start["status"] == 413
    assert CLOSE in start["headers"]


def test_a_refused_body_is_taken_so_that_its_connection_can_go_on(caller: Caller) -> None:
    chunks = [chunk(b"ab", more=True), chunk(b"cd")]
    start, *_ = caller.exchange("/nowhere", fields=[(b"content-length", b"4")], chunks=chunks)
    assert start["status"] == 404
    assert CLOSE not in start["headers"]


def test_a_caller_who_hangs_up_is_not_answered(caller: Caller) -> None:
    fields = [JSON, (b"content-length", b"9")]
    assert caller.exchange("/predict", fields=fields, chunks=[{"type": "http.disconnect"}]) == []


def test_a_body_without_length_is_411(caller: Caller) -> None:
    start, *_ = caller.exchange("/predict", fields=[JSON], chunks=[chunk(b"")])
    assert start["status"] == 411


def test_until_there_is_a_model_nobody_is_served() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    front = Front(app)
    with unstarted(front) as caller:
        answers = [caller.get("/readyz"), caller.get("/health"), caller.post("/predict", EXAMPLE)]
        assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(503, "1")] * 3
        assert caller.get("/livez").status_code == 200


def test_a_draining_service_sends_callers_elsewhere_but_answers(hot: Caller) -> None:
    hot.app.serving.draining = True
    try:
        assert hot.get("/readyz").status_code == 503
        assert hot.get("/health").json()["status"] == "draining"
        answer = hot.predict()
    finally:
        hot.app.serving.draining = False
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


def test_a_bug_is_told_in_a_plain_sentence(hot: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    batcher, hot.app.serving.batcher = hot.app.serving.batcher, None
    try:
        answer = hot.predict()
    finally:
        hot.app.serving.batcher = batcher
    assert answer.status_code == 500
    assert not any(word in answer.text for word in ("Traceback", "NoneType", "/", "casa.transports"))
    assert answer.json()["request_id"] in capsys.readouterr().out


def test_websockets_are_turned_away(hot: Caller) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(hot.app({"type": "websocket", "path": "/predict", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close"}]
