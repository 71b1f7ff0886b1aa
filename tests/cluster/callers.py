"""Callers over HTTP who keep their connections, and connect again when an answer tells them to."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import NamedTuple, Self

from tests.cluster.release import HOUSE_BODY, HTTP, NODE
from tests.servers import until


class Answer(NamedTuple):
    """What one call got."""

    status: int
    body: str
    closes: bool
    """Does it say `Connection: close`?"""


def exchange(
    connection: HTTPConnection, key: str, path: str = "/predict", *, body: str = HOUSE_BODY, request_id: str = ""
) -> Answer:
    """One call over a connection."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    connection.request("POST", path, body, {**headers, "X-Request-Id": request_id} if request_id else headers)
    answer = connection.getresponse()
    return Answer(answer.status, answer.read().decode(), answer.will_close)


def ask(key: str, path: str = "/predict", *, body: str = HOUSE_BODY, request_id: str = "") -> Answer:
    """One call over a connection of its own."""
    connection = HTTPConnection(NODE, HTTP, timeout=10)
    try:
        return exchange(connection, key, path, body=body, request_id=request_id)
    finally:
        connection.close()


def version(key: str) -> str:
    """The version that a price comes from."""
    return str(json.loads(ask(key).body)["model_version"])


def await_version(key: str, expected: str) -> None:
    """Wait until prices come from this version: new connections reach a pod that drains for a moment still."""
    until(lambda: version(key) == expected, seconds=30)


class Callers:
    """Some threads that call as long as they are let; every call that is not answered 200 is a failure."""

    def __init__(self, key: str, *, number: int = 4, pause: float = 0.008) -> None:
        self._key = key
        self._pause = pause
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(number)]
        self.outcomes = Counter[str]()
        """Answers by model version, failures by what they are."""
        self.calls = 0

    @property
    def failures(self) -> dict[str, int]:
        """What went wrong, and how often."""
        return {name: count for name, count in self.outcomes.items() if not name.startswith("model ")}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        connection: HTTPConnection | None = None
        while not self._end.wait(self._pause):
            connection = connection or HTTPConnection(NODE, HTTP, timeout=10)
            try:
                answer = exchange(connection, self._key)
                closes, outcome = answer.closes, _outcome(answer)
            except (OSError, HTTPException) as error:
                closes, outcome = True, repr(error)
            if closes:
                connection.close()
                connection = None
            with self._lock:
                self.calls += 1
                self.outcomes[outcome] += 1
        if connection is not None:
            connection.close()


def _outcome(answer: Answer) -> str:
    if answer.status != 200:
        return f"{answer.status} {answer.body}"
    return f"model {json.loads(answer.body)['model_version']}"
