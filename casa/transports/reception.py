"""Where every gRPC call comes in: refused before a byte of it is read, or answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import structlog

from casa.access.gate import Gate
from casa.errors import CasaError, DeadlineExceeded, Unavailable
from casa.transports import parent
from casa.transports.casa_service import OK
from casa.transports.metadata import Metadata, read_id, sentence, tell_error
from casa.transports.problem import BUG
from casa.transports.room import Room
from casa.transports.rpc import Call, Clock, Method, write
from casa.transports.serving import Serving

MOST_CALLS = 256
"""Single calls at once. Each may hold a message of the largest size in memory."""
MOST_STREAMS = 64
"""Streams at once: they may last minutes without being used. One client gets half of them at most."""
AGING = timedelta(seconds=4.5)
"""In this time grpc has asked every caller to connect again (`max_connection_age_ms`, give or take a tenth)."""
MOST_STRANGERS = 64
"""Calls at once of methods that need no key, and as many streams."""

PARENT = parent.HEADER.decode()

Context = Any  # grpc.aio's, which has no types


class Reception(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Asks what HTTP asks, too: is there room, whose key is it. Failures become statuses here and nowhere else."""

    def __init__(self, methods: Mapping[str, Method], serving: Serving, gate: Gate, *, clock: Clock) -> None:
        self._methods = methods
        self._serving = serving
        self._gate = gate
        self._clock = clock
        self._single, self._strangers = Room(MOST_CALLS, clock=clock), Room(MOST_STRANGERS, clock=clock)
        self._streams = Room(MOST_STREAMS, clock=clock, each=MOST_STREAMS // 2)
        self._watchers = Room(MOST_STRANGERS, clock=clock)
        self._waiting: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._last = datetime.max.replace(tzinfo=UTC)

    async def intercept_service(self, _: object, details: Any) -> Any:  # grpc's call details; grpc's handler
        """The handler of one call. grpc has read its metadata and nothing more."""
        method, metadata = self._methods[details.method], details.invocation_metadata
        call, room = self._call(details.method, method, metadata), self._room(method)
        try:
            self._admit(call, metadata)
            room.enter(call.client, heard=method.streams)
        except CasaError as error:
            return self._refusing(error, call)
        except Exception:  # noqa: BLE001 - any bug: the log gets the traceback, the caller a plain sentence
            return self._refusing(_bug(call), call)
        return self._streaming(method, call) if method.streams else self._single_call(method, call, room=room)

    def drain(self) -> None:
        """Take no new call once every caller's connection has aged: until then its channel leads nowhere else."""
        self._last = min(self._last, self._clock() + AGING)

    def close(self) -> None:
        """End the streams whose callers are silent, and the others after their next answer."""
        self._closing, self._last = True, datetime.min.replace(tzinfo=UTC)
        for task in self._waiting:
            task.cancel()

    @property
    def running(self) -> int:
        """How many calls are being answered."""
        return sum(room.taken for room in (self._single, self._streams, self._strangers, self._watchers))

    def _room(self, method: Method) -> Room:
        if method.scope is None:
            return self._watchers if method.streams else self._strangers
        return self._streams if method.streams else self._single

    def _call(self, path: str, method: Method, metadata: Metadata) -> Call:
        call = Call(read_id(metadata), self._gate, clock=self._clock, path=path, scope=method.scope)
        if self._serving.traced:
            call.parent = parent.choose([value for name, value in metadata if name == PARENT])
        return call

    def _admit(self, call: Call, metadata: Metadata) -> None:
        if call.scope is None:
            return
        if self._clock() >= self._last:
            self._serving.check_ready()
        call.token = self._gate.find_token(metadata)
        call.enter()

    def _streaming(self, method: Method, call: Call) -> Any:  # grpc's handler
        async def handle(_: object, context: Context) -> None:
            if error := await self._failure(method, call, context):
                await self._abort(error, call, context)

        return grpc.stream_stream_rpc_method_handler(handle, method.read, write)

    def _single_call(self, method: Method, call: Call, *, room: Room) -> Any:  # grpc's handler
        async def handle(message: Any, context: Context) -> Any:  # the method's own messages
            room.hear()
            try:
                answer = await _answer(method, call, message, context)
                await self._serving.keep(call)
            except CasaError as error:
                refusal = error
            except Exception:  # noqa: BLE001 - any bug
                refusal = _bug(call)
            else:
                context.set_trailing_metadata(tuple(call.trailers))
                self._note(call, OK)
                return answer
            del message  # grpc keeps what ends a call, with this frame, until the garbage collector comes
            return await self._abort(refusal, call, context)

        return grpc.unary_unary_rpc_method_handler(handle, method.read, write)

    def _refusing(self, error: CasaError, call: Call) -> Any:  # grpc's handler
        """A handler that answers without reading: a stranger's messages take none of our memory."""

        async def handle(_: object, context: Context) -> None:
            await self._abort(error, call, context)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _abort(self, error: CasaError, call: Call, context: Context) -> None:
        # Where it came from is no longer asked for, and leads to the caller's messages.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        self._note(call, error.code)
        trailers = [*call.trailers, *tell_error(error)]
        await context.abort(grpc.StatusCode[error.code], sentence(error), tuple(dict(trailers).items()))

    def _note(self, call: Call, code: str) -> None:
        self._serving.answers.put(call.answered(call.path, code))

    async def _failure(self, method: Method, call: Call, context: Context) -> CasaError | None:
        """Answer a stream to its end; returns why it ends early."""
        try:
            await self._converse(method, call, context)
        except CasaError as error:
            return error
        except grpc.aio.BaseError:
            raise  # the caller is gone, which grpc knows
        except asyncio.CancelledError:
            if not self._closing:
                raise
            return _stopping()
        except Exception:  # noqa: BLE001 - any bug
            return _bug(call)
        return None

    async def _converse(self, method: Method, call: Call, context: Context) -> None:
        answers: Any = method.answer(call, self._messages(context))
        async for answer in answers:
            await self._serving.keep(call)
            await context.write(answer)
        context.set_trailing_metadata(tuple(call.trailers))

    async def _messages(self, context: Context) -> AsyncIterator[Any]:  # the method's own messages
        task = asyncio.current_task()
        assert task is not None, "grpc answers each call in a task of its own"
        while not self._closing:
            self._waiting.add(task)
            try:
                message = await context.read()
            finally:
                self._waiting.discard(task)
            if message is grpc.aio.EOF:
                return
            if isinstance(message, CasaError):
                raise message
            yield message
        raise _stopping()


async def _answer(method: Method, call: Call, message: Any, context: Context) -> Any:  # the method's own messages
    if context.time_remaining() == 0:
        raise DeadlineExceeded("the call's deadline passed before it was its turn")
    try:
        answer = await method.ask(call, message)
    except Unavailable:
        raise  # who is turned away pays nothing
    except CasaError:
        await call.settle()
        raise
    await call.settle()
    return answer


def _bug(call: Call) -> CasaError:
    structlog.get_logger().exception("failed", request_id=call.request_id)
    return CasaError(BUG)


def _stopping() -> Unavailable:
    return Unavailable("this instance is about to stop; open the stream again")
