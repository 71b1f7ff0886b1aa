"""The Open Inference Protocol, version 2, over HTTP, as pure translation: a request in, an answer out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

from casa.errors import CasaError, MethodNotAllowed, NotFound, Unavailable, UnsupportedMedia
from casa.model import bundle
from casa.transports import infer_body
from casa.transports.answer import LOCKED, Answer, as_json
from casa.transports.head import CODING
from casa.transports.inference import SERVER, Inference
from casa.transports.problem import fields
from casa.transports.tensor import TensorMetadata
from casa.transports.visit import Visit

ROOT = "/v2"
ACTIONS = ("ready", "infer")
MODEL = re.compile(rf"{ROOT}/models/([^/]+)(?:/versions/([^/]+))?(?:/({'|'.join(ACTIONS)}))?")
READ = ("GET", "HEAD")
WRITE = ("POST",)

Charge = Callable[[int], Awaitable[object]]
"""Takes so many rows from the caller's quota, or raises QuotaExceeded."""


class Asked(NamedTuple):
    """One request, as far as it matters here."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    body: bytes
    visit: Visit


def owns(path: str) -> bool:
    """Is this address one of the protocol's, so that failures are told in its form, by `refuse`?"""
    return path == ROOT or path.startswith(f"{ROOT}/")


def is_open(path: str) -> bool:
    """Is it about health, which needs no key?"""
    match = MODEL.fullmatch(path)
    return path.startswith(f"{ROOT}/health/") or (match is not None and match[3] == "ready")


def takes_body(path: str) -> bool:
    """Is it a call for prices?"""
    match = MODEL.fullmatch(path)
    return match is not None and match[3] == "infer"


def refuse(error: CasaError) -> Answer:
    """The answer to a call that failed, in the protocol's form."""
    return as_json({"error": str(error)}, status=error.status)._replace(headers=(LOCKED, *fields(error)))


class Protocol:
    """Answers what lies under /v2. Raises CasaErrors; `refuse` makes answers of them."""

    def __init__(self, inference: Inference | None = None, *, check_ready: Callable[[], None] = lambda: None) -> None:
        self._inference = inference
        self._check_ready = check_ready
        self._routes = {
            ROOT: self._server,
            f"{ROOT}/": self._server,
            f"{ROOT}/models": self._models,
            f"{ROOT}/health/live": self._live,
            f"{ROOT}/health/ready": self._ready,
        }

    async def answer(self, asked: Asked, *, charge: Charge) -> Answer:
        """The answer to one request; `charge` is asked before anything is priced."""
        if route := self._routes.get(asked.path):
            _check_method(asked, READ)
            return route()
        match = MODEL.fullmatch(asked.path)
        if match is None:
            raise NotFound(f"nothing lives at this address; {ROOT}/models/{bundle.NAME} does")
        name, version, action = match.groups(default="")
        _check_method(asked, WRITE if action == "infer" else READ)
        inference = self._loaded()
        inference.check_model(name, version)
        if action == "infer":
            return await _infer(inference, asked, charge=charge)
        return self._model_ready() if action == "ready" else _metadata(inference)

    def _loaded(self) -> Inference:
        if self._inference is None:
            raise Unavailable("the model is still being loaded")
        return self._inference

    def _server(self) -> Answer:
        return as_json(SERVER._asdict())

    def _models(self) -> Answer:
        return as_json({"models": [bundle.NAME]})

    def _live(self) -> Answer:
        return as_json({"live": True})

    def _ready(self) -> Answer:
        self._loaded()
        self._check_ready()
        return as_json({"live": True, "ready": True})

    def _model_ready(self) -> Answer:
        self._check_ready()
        return as_json({"name": bundle.NAME, "ready": True})


async def _infer(inference: Inference, asked: Asked, *, charge: Charge) -> Answer:
    if asked.headers.get(CODING, b"identity").lower() != b"identity":
        raise UnsupportedMedia("send the body without a content encoding")
    began = perf_counter()
    try:
        request = infer_body.read(asked.body, asked.headers, most=inference.max_rows)
        houses = inference.houses(request)
    except CasaError:
        await charge(1)  # what cannot be read has been read all the same
        raise
    parsed = perf_counter()
    await charge(len(houses))
    charged = perf_counter()
    tensors = inference.infer(houses, request.outputs, asked.visit)
    asked.visit.took(parse=parsed - began, access=charged - parsed, model=perf_counter() - charged)
    request_id = request.id or asked.visit.request_id
    return infer_body.write(tensors, request.outputs, request_id=request_id, version=inference.version)


def _metadata(inference: Inference) -> Answer:
    metadata = inference.metadata()
    told = {name: [_tensor(one) for one in getattr(metadata, name)] for name in ("inputs", "outputs")}
    return as_json({**metadata._asdict(), **told})


def _tensor(metadata: TensorMetadata) -> dict[str, Any]:  # JSON values
    return metadata._asdict()


def _check_method(asked: Asked, allowed: tuple[str, ...]) -> None:
    if asked.method not in allowed:
        raise MethodNotAllowed(allowed)
