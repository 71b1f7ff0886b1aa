"""The Secrets of a Kubernetes API, as one small HTTP server that stands for the cluster, not for a program of ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from casa.rollout.cluster import Cluster

Secret = dict[str, Any]


class SecretsApi:
    """Makes, shows and replaces Secrets; one that has changed since it was read is not replaced."""

    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}
        self.before_write: list[Callable[[], object]] = []
        """What happens before a change is looked at: others were faster."""
        self._version = 0

    def get(self, name: str) -> tuple[int, Secret]:
        return (200, self.secrets[name]) if name in self.secrets else (404, {"message": f"secrets {name} not found"})

    def put(self, secret: Secret, *, new: bool) -> tuple[int, Secret]:
        if self.before_write:
            self.before_write.pop()()
        meta, old = secret["metadata"], self.secrets.get(secret["metadata"]["name"])
        if (old is not None) if new else (old is None or old["metadata"]["resourceVersion"] != meta["resourceVersion"]):
            return 409, {"message": "the object has been modified"}
        self._version += 1
        self.secrets[meta["name"]] = {**secret, "metadata": {**meta, "resourceVersion": str(self._version)}}
        return 200, self.secrets[meta["name"]]


@contextmanager
def running(api: SecretsApi) -> Iterator[str]:
    """Its address while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(*api.get(self.path.rpartition("/")[2]))

        def do_POST(self) -> None:
            self.answer(*api.put(self.body(), new=True))

        def do_PUT(self) -> None:
            self.answer(*api.put(self.body(), new=False))

        def body(self) -> Secret:
            return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, status: int, content: Secret) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """A cluster whose API is there."""
    with client.ApiClient(client.Configuration(host=address)) as api:
        yield Cluster(api, "homes")
