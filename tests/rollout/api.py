"""The few routes of a Kubernetes API that a rollout calls, as one small HTTP server with faults to order.

It stands for the cluster's own programs, never for Casa's: what it answers is what a real API server and its Deployment
controller answered to the same calls. tests/cluster asks a real one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from casa.rollout.cluster import Cluster, Json

NAMESPACE = "here"
UID = "0-1-2-3"
LABELS = {"app": "casa"}
REVISION = "deployment.kubernetes.io/revision"


class Api:
    """A Deployment with one pod a revision, its ReplicaSets, Leases and Events."""

    def __init__(self, version: str) -> None:
        self.lock = threading.RLock()
        self.clock = 1
        self.leases: dict[str, Json] = {}
        self.events: list[Json] = []
        self.replica_sets: dict[str, Json] = {}
        self.current = ""
        self.calls: list[tuple[str, str]] = []
        self.faults: list[tuple[str, int]] = []
        """What the next calls of a method are answered instead of being done."""
        self.lost: list[str] = []
        """Methods whose next call is done, and answered 500."""
        self.watches: list[Callable[[Json], list[Json]]] = []
        """What the next watches send; later ones send nothing."""
        self.stuck: set[str] = set()
        """Versions whose pods never become available."""
        self.slow: set[str] = set()
        """Versions whose pods become available later, when a test says so."""
        self.on_patch: list[Callable[[], None]] = []
        """What happens before a patch is looked at: another was faster."""
        self.pod_status: Json = {"conditions": [{"type": "Ready", "status": "True"}]}
        template = {"metadata": {"labels": LABELS, "annotations": {"casa/model-version": version}},
                    "spec": {"containers": [{"name": "service", "fieldFromTheFuture": True}]}}  # fmt: skip
        meta = {"name": "casa", "namespace": NAMESPACE, "uid": UID, "generation": 1, "annotations": {}}
        spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}
        self.deployment: Json = {"metadata": meta, "spec": spec, "status": {}}
        self.reconcile()

    @property
    def version(self) -> str:
        return str(self.deployment["spec"]["template"]["metadata"]["annotations"]["casa/model-version"])

    @property
    def state(self) -> Json:
        return dict(json.loads(self.deployment["metadata"]["annotations"]["casa/rollout"]))

    def reconcile(self) -> None:
        """What the Deployment's controller does after a change: an old revision that is wanted again is the newest."""
        with self.lock:
            found, key = self.deployment, json.dumps(self.deployment["spec"]["template"], sort_keys=True)
            if key != self.current:
                numbers = [int(one[REVISION]) for one in self.replica_sets.values()]
                found["metadata"]["annotations"][REVISION] = str(1 + max(numbers, default=0))
                self.current = key
            self.replica_sets[key] = dict(found["metadata"]["annotations"])
            stuck, slow = self.version in self.stuck, self.version in self.slow
            found["status"] = {"observedGeneration": found["metadata"]["generation"], "replicas": 1,
                               "updatedReplicas": 1, "availableReplicas": 0 if stuck or slow else 1}  # fmt: skip
            if stuck:
                late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
                found["status"]["conditions"] = [late]
            self.touch()

    def touch(self) -> None:
        """Any change makes a new resource version."""
        self.clock += 1
        self.deployment["metadata"]["resourceVersion"] = str(self.clock)

    def list_replica_sets(self) -> list[Json]:
        """With the label that the controller adds."""
        owner = [{"uid": UID}]
        return [{"metadata": {"ownerReferences": owner, "annotations": notes}, "spec": {"template": hashed(key)}}
                for key, notes in self.replica_sets.items()]  # fmt: skip

    def pod(self) -> Json:
        template = self.deployment["spec"]["template"]
        return {"metadata": {"name": f"casa-{self.version}", **template["metadata"]}, "status": self.pod_status}

    def patch(self, steps: list[Json]) -> tuple[int, Json]:
        with self.lock:
            if self.on_patch:
                self.on_patch.pop(0)()
            for step in steps:
                if step["path"] == "/metadata/resourceVersion":
                    if step["value"] != self.deployment["metadata"]["resourceVersion"]:
                        return 409, {"message": "the object has been modified"}
                elif step["path"] == "/metadata/annotations":
                    self.deployment["metadata"]["annotations"] = step["value"]
                elif step["path"] == "/spec/template":
                    self.deployment["spec"]["template"] = step["value"]
                    self.deployment["metadata"]["generation"] += 1
            self.reconcile()
            return 200, self.deployment

    def put_lease(self, name: str, lease: Json, *, new: bool) -> tuple[int, Json]:
        with self.lock:
            known = self.leases.get(name)
            if (known is not None) == new or (known and known["metadata"].get("resourceVersion")
                                              != lease["metadata"].get("resourceVersion")):  # fmt: skip
                return 409, {"message": "the object has been modified"}
            self.clock += 1
            self.leases[name] = {**lease, "metadata": {"name": name, "resourceVersion": str(self.clock)}}
            return 200, self.leases[name]


def hashed(key: str) -> Json:
    """The template as a ReplicaSet has it."""
    template: Json = json.loads(key)
    template["metadata"]["labels"]["pod-template-hash"] = "abc"
    return template


class Handler(BaseHTTPRequestHandler):
    """Routes."""

    api: Api
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if "watch=true" in self.path.lower():
            self._watch()
        elif path.endswith("/deployments/casa"):
            self._answer(200, self.api.deployment)
        elif path.endswith("/replicasets"):
            self._answer(200, {"items": self.api.list_replica_sets()})
        elif path.endswith("/pods"):
            self._answer(200, {"items": [self.api.pod()]})
        elif (name := path.rpartition("/leases/")[2]) in self.api.leases:
            self._answer(200, self.api.leases[name])
        else:
            self._answer(404, {"message": "not found"})

    def do_PATCH(self) -> None:
        self._change(self.api.patch)

    def do_POST(self) -> None:
        def done(body: Json) -> tuple[int, Json]:
            if self.path.endswith("/events"):
                self.api.events.append(body)
                return 201, body
            return self.api.put_lease(body["metadata"]["name"], body, new=True)

        self._change(done)

    def do_PUT(self) -> None:
        self._change(lambda body: self.api.put_lease(body["metadata"]["name"], body, new=False))

    def _change(self, change: Callable[[Any], tuple[int, Json]]) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.command in [method for method, _ in self.api.faults]:
            self._answer(200, {})
            return
        status, answer = change(body)
        if self.command in self.api.lost:
            self.api.lost.remove(self.command)
            status, answer = 500, {"message": "etcdserver: request timed out"}
        self._answer(status, answer)

    def _answer(self, status: int, body: Json) -> None:
        fault = next((one for one in self.api.faults if one[0] == self.command), None)
        if fault:
            self.api.faults.remove(fault)
            status, body = fault[1], {"message": "ordered by the test"}
        self.api.calls.append((self.command, self.path.partition("?")[0]))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _watch(self) -> None:
        events = self.api.watches.pop(0)(self.api.deployment) if self.api.watches else []
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def served(api: Api) -> Iterator[Cluster]:
    """The API over HTTP, as the official client sees it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"api": api}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
        configuration.retries = False
        yield Cluster(client.ApiClient(configuration), NAMESPACE)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
