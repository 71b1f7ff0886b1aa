"""Calls of the Open Inference Protocol over HTTP, as a test reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pytest

from casa.errors import MalformedRequest
from casa.house import HOUSE, Array
from casa.transports.answer import Answer
from casa.transports.protocol import Asked, Protocol
from casa.transports.visit import Visit

INFER = "/v2/models/casa/infer"
EXAMPLE = [feature.example for feature in HOUSE.features]
RAW = np.array(EXAMPLE).tobytes()
LENGTH = b"inference-header-content-length"


class InferCaller:
    """Calls one protocol object and remembers what it was charged."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.charged: list[int] = []

    async def charge(self, rows: int) -> None:
        self.charged.append(rows)

    def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[bytes, bytes] | None = None) -> Answer:
        asked = Asked(method, path, headers or {}, body, Visit("our-id"))
        return asyncio.run(self.protocol.answer(asked, charge=self.charge))

    def get(self, path: str) -> Any:
        return orjson.loads(self.call("GET", path).body)

    def infer(self, document: object, *parts: bytes, path: str = INFER) -> Answer:
        text = json.dumps(document).encode()
        headers = {LENGTH: b"%d" % len(text)} if parts else {}
        return self.call("POST", path, b"".join([text, *parts]), headers)

    def outputs(self, document: object) -> dict[str, Any]:
        return {output["name"]: output for output in orjson.loads(self.infer(document).body)["outputs"]}

    def refusal(self, document: object, *parts: bytes) -> str:
        with pytest.raises(MalformedRequest) as caught:
            self.infer(document, *parts)
        return str(caught.value)


def houses(rows: Array | list[list[float]], **more: object) -> dict[str, Any]:
    data = np.asarray(rows)
    tensor = {"name": "houses", "datatype": "FP64", "shape": list(data.shape), "data": data.ravel().tolist()}
    return {"inputs": [tensor], **more}


def binary(size: int, **more: object) -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    tensor = {"name": "houses", "datatype": "FP64", "shape": [1, 13], "parameters": parameters, **more}
    return {"inputs": [tensor]}


def columns(**changes: object) -> dict[str, Any]:
    shape = {"datatype": "FP64", "shape": [1]}
    values = {name: [value] for name, value in HOUSE.example.items()} | changes
    return {"inputs": [{"name": name, "data": data, **shape} for name, data in values.items()]}
