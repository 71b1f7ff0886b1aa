"""A line to one pod: what it answers itself, past every Service, and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

import orjson
from kubernetes import client
from kubernetes.stream import portforward
from prometheus_client.parser import text_string_to_metric_families

from casa.errors import PodUnavailable
from casa.rollout.cluster import Cluster, Json, in_cluster

PORT = 3000
SECONDS = 10.0

Dial = Callable[[Json], HTTPConnection]
"""Makes a connection to a pod."""


class Line:
    """Calls one pod over HTTP; PodUnavailable if it does not answer."""

    def __init__(self, pod: Json, dial: Dial, *, key: str) -> None:
        self._pod = pod
        self._dial = dial
        self._key = key

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self._pod["metadata"]["name"])

    def predict(self, houses: Sequence[Mapping[str, float]]) -> list[tuple[int, Json]]:
        """Status and answer of `/predict` for each house, over one connection."""
        head = {"Content-Type": "application/json", "X-API-Key": self._key}
        asked = [("POST", "/predict", orjson.dumps(house), head) for house in houses]
        return [(status, _document(body)) for status, body in self._call(asked)]

    def requests(self) -> dict[tuple[str, str], float]:
        """How many calls it has finished since its start, by route and status."""
        ((status, body),) = self._call([("GET", "/metrics", None, {"X-API-Key": self._key})])
        if status != 200:
            raise PodUnavailable(f"pod {self.name} answers {status} for /metrics")
        families = text_string_to_metric_families(body.decode())
        samples = [one for family in families for one in family.samples if one.name == "casa_requests_total"]
        return {(one.labels["route"], one.labels["status"]): one.value for one in samples}

    def version(self) -> str:
        """The version of the model it serves."""
        ((status, body),) = self._call([("GET", "/health", None, {})])
        if status != 200:
            raise PodUnavailable(f"pod {self.name} answers {status} for /health")
        return str(_document(body)["model_version"])

    def _call(self, asked: Sequence[tuple[str, str, bytes | None, Mapping[str, str]]]) -> list[tuple[int, bytes]]:
        try:
            with closing(self._dial(self._pod)) as connection:
                return [_exchange(connection, *one) for one in asked]
        except (OSError, HTTPException, client.ApiException) as error:
            raise PodUnavailable(f"pod {self.name} does not answer ({type(error).__name__})") from error


def dial_by(cluster: Cluster) -> Dial:
    """By the pod's own address from within the cluster; from outside through its API, as `kubectl port-forward`."""
    return _direct if in_cluster() else lambda pod: _forwarded(cluster, pod)


def _direct(pod: Json) -> HTTPConnection:
    return HTTPConnection(str(pod["status"].get("podIP") or "unassigned.invalid"), PORT, timeout=SECONDS)


def _forwarded(cluster: Cluster, pod: Json) -> HTTPConnection:
    # An API client of its own: the client's module swaps a method of it while it dials.
    api = client.CoreV1Api(client.ApiClient(cluster.api.configuration))
    call = api.connect_get_namespaced_pod_portforward
    tunnel = portforward(call, pod["metadata"]["name"], cluster.namespace, ports=str(PORT))
    connection = HTTPConnection("127.0.0.1", PORT)
    connection.sock = tunnel.socket(PORT)
    connection.sock.settimeout(SECONDS)
    return connection


def _exchange(
    connection: HTTPConnection, method: str, path: str, body: bytes | None, head: Mapping[str, str]
) -> tuple[int, bytes]:
    connection.request(method, path, body=body, headers=dict(head))
    answer = connection.getresponse()
    return answer.status, answer.read()


def _document(body: bytes) -> Any:  # whatever it says, it is JSON of Casa's own
    try:
        return orjson.loads(body)
    except ValueError:
        return {}
