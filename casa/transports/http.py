"""Casa's HTTP interface: an ASGI application that stands before BentoML's.

It checks every request and answers it; with `hot_path` off, predictions go through BentoML's typed
methods, behind the same checks. Nothing else of BentoML's can be reached.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from casa.access.keys import Scope as KeyScope
from casa.errors import CasaError, MethodNotAllowed, NotFound, Unavailable
from casa.transports import parent, site
from casa.transports.answer import Answer, as_json, finish
from casa.transports.body import Body, Gone
from casa.transports.calls import CALLS, Call
from casa.transports.head import CODING, Head
from casa.transports.identity import identify
from casa.transports.infer_body import LENGTH
from casa.transports.porter import Porter
from casa.transports.problem import BUG, problem
from casa.transports.protocol import ROOT, Asked, Protocol, is_open, owns, refuse, takes_body
from casa.transports.replay import replay
from casa.transports.routes import PAGES, PROGRAMS, ROUTES, Route, ready, scope_of
from casa.transports.serving import Serving
from casa.transports.visit import Visit

INFER = f"{ROOT}/infer"
OTHER = "other"
READ = ("GET", "HEAD")
WRITE = ("POST",)
SHORT_BODY = 4 * 1024
"""A body of the Open Inference Protocol up to this size holds few houses, which are priced at once."""
SMALL_BODY = 64 * 1024
LARGE_BODY = 4 * 1024 * 1024
"""The body of a refused call is taken up to this size, so that its connection can be used again: the larger one where
a new connection would only bring the same call again."""
PAUSE_SECONDS = 1.0
"""How long a connection rests after a 503: callers who ask again at once must not take the time of those who wait."""


class Front:
    """Takes every request, and hands BentoML only what it is to answer."""

    def __init__(self, app: ASGIApp, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._protocol = Protocol()
        self.serving: Serving | None = None
        """The model at work, as soon as there is one."""
        self.running = 0
        """How many calls are being answered."""
        self.porter: Porter | None = None
        """Who looks after the connections, from then on."""

    def open(self, serving: Serving) -> None:
        """Answer by this model from now on."""
        self._protocol = Protocol(serving.inference, check_ready=serving.check_ready)
        self.serving = serving
        self.porter = Porter(serving.settings, serving.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.running += 1
            try:
                await self._exchange(scope, receive, send)
            finally:
                self.running -= 1
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head(scope["headers"])
        body = Body(head, receive)
        visit = Visit(identify(head))
        if self.serving is not None and self.serving.traced:
            visit.parent = parent.choose(head.each(parent.HEADER))
        try:
            answer = await self._outcome(scope, head, body, visit)
        except Gone:
            return
        is_busy = answer.status == Unavailable.status
        if not (body.begun or body.ended):
            await body.drop(most=LARGE_BODY if is_busy else SMALL_BODY)
        bodiless = scope["method"] == "HEAD"
        if body.ended and not self._draining and is_busy:
            # The answer is out, the exchange is not over: who asks again at once is heard when it makes sense.
            await answer.send(send, request_id=visit.request_id, bodiless=bodiless, last=False)
            await body.hold(seconds=PAUSE_SECONDS)
            await finish(send)
        elif body.ended and not self._draining:
            await answer.reply(scope, send, request_id=visit.request_id)
        else:
            await answer.closing().send(send, request_id=visit.request_id, bodiless=bodiless, last=False)
            await body.drop(most=sys.maxsize)
            await finish(send)
        if self.serving is not None:
            self.serving.answers.put(visit.answered(_route(scope["path"]), str(answer.status)))

    async def _outcome(self, scope: Scope, head: Head, body: Body, visit: Visit) -> Answer:
        try:
            answer = await self._answer(scope, head, body, visit)
            if self.serving is not None:
                await self.serving.keep(visit)
        except Gone:
            raise
        except CasaError as error:
            return _refuse(error, scope["path"], request_id=visit.request_id).having(visit.fields)
        except Exception:  # noqa: BLE001 - any bug: the log gets the traceback, the caller a plain sentence
            structlog.get_logger().exception("failed", request_id=visit.request_id)
            return _refuse(CasaError(BUG), scope["path"], request_id=visit.request_id).having(visit.fields)
        return answer

    async def _answer(self, scope: Scope, head: Head, body: Body, visit: Visit) -> Answer:
        path, method = scope["path"], scope["method"]
        if call := CALLS.get(path):
            _check_method(method, WRITE)
            return await self._call(call, scope, head, body, visit)
        if owns(path):
            return await self._infer(Asked(method, path, head, b"", visit), head, body)
        route = _find(path, head)
        _check_method(method, READ)
        needed = scope_of(route, self.serving)
        if needed is None:
            return await self._read(route)
        self._enter(ready(self.serving), head, visit, needed)
        await visit.charge(1)
        return (await self._read(route)).having(visit.fields)

    async def _read(self, route: Route) -> Answer:
        answer = route(self.serving)
        return answer if isinstance(answer, Answer) else await answer

    async def _infer(self, asked: Asked, head: Head, body: Body) -> Answer:
        if is_open(asked.path):
            return await self._protocol.answer(asked, charge=_free)
        serving, visit = ready(self.serving), asked.visit
        self._enter(serving, head, visit)
        if takes_body(asked.path) and asked.method in WRITE:
            head.check_once(CODING, LENGTH)
            settings = serving.settings
            content = await body.read(most=settings.max_batch_bytes, seconds=settings.body_seconds)
            asked = asked._replace(body=content)
        else:
            await visit.charge(1)
        async with serving.turns.take() if len(asked.body) > SHORT_BODY else nullcontext():
            return (await self._protocol.answer(asked, charge=visit.charge)).having(visit.fields)

    async def _call(self, call: Call, scope: Scope, head: Head, body: Body, visit: Visit) -> Answer:
        serving = ready(self.serving)
        settings = serving.settings
        if call.is_long:
            serving.turns.backlog.check()  # a busy service spends nothing on who calls, and does not read what
        began = perf_counter()
        self._enter(serving, head, visit, call.scope)
        access = perf_counter() - began
        head.check_media()  # whatever the head alone decides is decided before a byte of the body is read
        content = await body.read(most=call.most_bytes(settings), seconds=settings.body_seconds)
        if call.joins or not call.is_long:
            return await self._price(call, scope, content, visit, access=access)
        async with serving.turns.take():
            return await self._price(call, scope, content, visit, access=access)

    async def _price(self, call: Call, scope: Scope, content: bytes, visit: Visit, *, access: float) -> Answer:
        """The answer to a body, after so many seconds spent on access."""
        serving = ready(self.serving)
        settings = serving.settings
        arrived = perf_counter()
        try:
            asked = call.parse(content, settings)
        except CasaError:
            await visit.charge(1)  # what cannot be read has been read all the same
            raise
        parsed = perf_counter()
        await visit.charge(call.rows(asked))
        charged = perf_counter()
        if settings.hot_path:
            answer = as_json(await call.answer(serving, asked, visit))
        else:
            answer = await replay(self._app, scope, content, visit)
        visit.took(parse=parsed - arrived, access=access + charged - parsed, model=perf_counter() - charged)
        return answer.having(visit.fields)

    def _enter(self, serving: Serving, head: Head, visit: Visit, scope: KeyScope = "predict") -> None:
        visit.enter(serving.gate, serving.gate.find_token(head.tokens()), self._now(), scope=scope)

    @property
    def _draining(self) -> bool:
        return self.serving is not None and self.serving.draining


def _find(path: str, head: Head) -> Route:
    """Who answers a reader at this address."""
    if path.startswith(site.ASSETS):
        return lambda _: site.asset(path)
    special = PAGES if site.wants_page(head) else PROGRAMS if site.wants_json(head) else {}
    route = special.get(path) or ROUTES.get(path)
    if route is None:
        raise NotFound("nothing lives at this address; /docs shows what does")
    return route


def _refuse(error: CasaError, path: str, *, request_id: str) -> Answer:
    return refuse(error) if owns(path) else problem(error, request_id=request_id)


async def _free(_: int) -> None:
    """What an open route costs."""


def _route(path: str) -> str:
    """What the call is counted as: one of few names, whatever addresses callers make up."""
    if path in CALLS or path in ROUTES:
        return path
    if path.startswith(site.ASSETS):
        return site.ASSETS
    if owns(path):
        return INFER if takes_body(path) else ROOT
    return OTHER


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        raise MethodNotAllowed(allowed)
