import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from casa.errors import CasaError, LengthRequired, MalformedRequest, SlowRequest, TooLarge
from casa.transports.body import Body, Gone
from casa.transports.head import Head


def chunk(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def arriving(*messages: Message) -> Callable[[], Any]:
    """The messages, each a turn of the loop after the one before; then silence."""
    coming = iter(messages)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return next(coming, None) or await asyncio.Event().wait()

    return receive


def read(*messages: Message, most: int = 10, **fields: str) -> bytes:
    head = Head((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
    return asyncio.run(Body(head, arriving(*messages)).read(most=most, seconds=0.05))


def test_a_body_is_its_chunks_in_order() -> None:
    assert read(chunk(b"ab", more=True), chunk(b"", more=True), chunk(b"cd"), content_length="4") == b"abcd"
    assert read(chunk(b"abc"), transfer_encoding="Chunked") == b"abc"


def test_a_body_is_read_at_once_where_it_is_there() -> None:
    async def receive() -> Message:
        return chunk(b"abc")

    with pytest.raises(StopIteration) as done:
        Body(Head([(b"content-length", b"3")]), receive).read(most=3, seconds=0).send(None)
    assert done.value.value == b"abc"


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooLarge):
        read(content_length="11")


def test_too_many_chunks_are_refused() -> None:
    with pytest.raises(TooLarge):
        read(*[chunk(b"abcd", more=True)] * 3, transfer_encoding="chunked")


@pytest.mark.parametrize("messages", [(), (chunk(b"a", more=True),)])
def test_a_body_that_stops_is_slow(messages: tuple[Message, ...]) -> None:
    with pytest.raises(SlowRequest):
        read(*messages, content_length="2")


def test_a_caller_who_hangs_up_is_gone() -> None:
    with pytest.raises(Gone):
        read(chunk(b"a", more=True), {"type": "http.disconnect"}, content_length="2")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ([], LengthRequired),
        ([("content-length", "3"), ("content-length", "3")], MalformedRequest),
        ([("content-length", "3"), ("transfer-encoding", "chunked")], MalformedRequest),
        ([("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], MalformedRequest),
        ([("transfer-encoding", "gzip, chunked")], MalformedRequest),
        *[([("content-length", length)], MalformedRequest) for length in ("-1", "+3", "3.0", "0x3", "", "²", "9" * 20)],
        ([("content-length", "2")], MalformedRequest),
        ([("content-length", "4")], MalformedRequest),
    ],
)
def test_unclear_framing_is_refused(fields: list[tuple[str, str]], error: type[CasaError]) -> None:
    head = Head((name.encode(), value.encode()) for name, value in fields)
    with pytest.raises(error):
        asyncio.run(Body(head, arriving(chunk(b"abc"))).read(most=10, seconds=1))


def test_what_is_left_of_a_body_is_dropped() -> None:
    body = Body(Head([(b"content-length", b"4")]), arriving(chunk(b"ab", more=True), chunk(b"cd")))
    asyncio.run(body.drop(most=100))
    assert body.ended


def test_a_body_without_end_is_not_dropped_for_ever() -> None:
    body = Body(Head([(b"transfer-encoding", b"chunked")]), arriving(*[chunk(b"abcd", more=True)] * 9))
    asyncio.run(body.drop(most=8))
    assert not body.ended


def test_a_reader_who_is_cancelled_leaves_nothing_waiting() -> None:
    async def give_up() -> bool:
        reading = asyncio.ensure_future(Body(Head([(b"content-length", b"2")]), arriving()).read(most=9, seconds=60))
        await asyncio.sleep(0)
        reading.cancel()
        return (await asyncio.gather(reading, return_exceptions=True)) != [] and reading.cancelled()

    assert asyncio.run(give_up())
