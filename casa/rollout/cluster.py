"""One namespace of a Kubernetes cluster. The one module here that knows the cluster's API and its client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import stamina
from kubernetes import client, config
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError as Broken

from casa.errors import ClusterUnavailable, Conflict, Gone, NotFound

Json = dict[str, Any]
"""An object of the cluster, as its API sends it. The client's classes are left aside: they drop fields that are newer
than they are, and a pod template would come back without them."""
Operation = Json
"""One step of a JSON patch (RFC 6902)."""

TOKEN_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CALL_SECONDS = 10
TRIES, TRY_SECONDS = 8, 60.0
"""An API server that restarts is away for about half a minute."""
PATCHES = 20
"""How often a change is tried on an object that others change too; the controllers write often in a rollout."""
PASSING = frozenset({408, 429, 500, 502, 503, 504})
GONE = 410


class Cluster:
    """Reads, changes and watches what Casa is about; each call is repeated for a minute if the API is unwell.

    NotFound, Conflict and ClusterUnavailable are its errors; Gone too, where something is watched.
    """

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    @cached_property
    def _apps(self) -> Any:  # the client's classes are not typed strictly
        return client.AppsV1Api(self.api)

    @cached_property
    def _core(self) -> Any:  # as above
        return client.CoreV1Api(self.api)

    @cached_property
    def _coordination(self) -> Any:  # as above
        return client.CoordinationV1Api(self.api)

    def deployment(self, name: str) -> Json:
        """A Deployment."""
        return _ask(self._apps.read_namespaced_deployment, name, self.namespace)

    def change_deployment(self, name: str, change: Callable[[Json], list[Operation]]) -> Json:
        """Patch a Deployment as `change` says of its present state, none of it if another was faster: then ask again.

        An empty patch leaves it as it is. Returns it as it is afterwards.
        """
        for _ in range(PATCHES):
            found = self.deployment(name)
            if not (steps := change(found)):
                return found
            try:
                return self._patch(name, [_only_if(found), *steps])
            except Conflict:
                continue
        raise ClusterUnavailable(f"deployment {name} is changed by others all the time; see who, and run this again")

    def _patch(self, name: str, steps: list[Operation]) -> Json:
        kind = "application/json-patch+json"
        return _ask(self._apps.patch_namespaced_deployment, name, self.namespace, steps, _content_type=kind)

    def watch_deployment(self, found: Json, *, seconds: int) -> Iterator[Json]:
        """The Deployment after each change from here on, until `seconds` have passed or the stream is cut.

        Gone if the cluster has forgotten the changes since: read it again.
        """
        meta = found["metadata"]
        options = {
            "field_selector": f"metadata.name={meta['name']}",
            "resource_version": meta["resourceVersion"],
            "watch": True,
            "timeout_seconds": seconds,
            "_request_timeout": (CALL_SECONDS, seconds + CALL_SECONDS),
        }
        with _translated():
            answer = _raw(self._apps.list_namespaced_deployment, self.namespace, **options)
            yield from _events(answer)

    def replica_sets(self, selector: Mapping[str, str]) -> list[Json]:
        """The ReplicaSets with these labels."""
        return _items(_ask(self._apps.list_namespaced_replica_set, self.namespace, label_selector=_joined(selector)))

    def pods(self, selector: Mapping[str, str]) -> list[Json]:
        """The pods with these labels."""
        return _items(_ask(self._core.list_namespaced_pod, self.namespace, label_selector=_joined(selector)))

    def lease(self, name: str) -> Json:
        """A Lease."""
        return _ask(self._coordination.read_namespaced_lease, name, self.namespace)

    def create_lease(self, lease: Json) -> Json:
        """Make a Lease; Conflict if there is one."""
        return _ask(self._coordination.create_namespaced_lease, self.namespace, lease)

    def replace_lease(self, lease: Json) -> Json:
        """Put a Lease in its place; Conflict if it is no longer what it was when it was read."""
        return _ask(self._coordination.replace_namespaced_lease, lease["metadata"]["name"], self.namespace, lease)

    def secret(self, name: str) -> Json:
        """A Secret."""
        return _ask(self._core.read_namespaced_secret, name, self.namespace)

    def create_secret(self, secret: Json) -> Json:
        """Make a Secret; Conflict if there is one."""
        return _ask(self._core.create_namespaced_secret, self.namespace, secret)

    def replace_secret(self, secret: Json) -> Json:
        """Put a Secret in its place; Conflict if it is no longer what it was when it was read."""
        return _ask(self._core.replace_namespaced_secret, secret["metadata"]["name"], self.namespace, secret)

    def tell(self, event: Json) -> None:
        """Write an Event."""
        _ask(self._core.create_namespaced_event, self.namespace, event)


def open_cluster(namespace: str | None) -> Cluster:
    """The cluster this pod runs in, or the one of the kubeconfig; ClusterUnavailable if there is neither."""
    configuration = client.Configuration()
    try:
        if in_cluster():
            config.load_incluster_config(client_configuration=configuration)
            own = (TOKEN_FOLDER / "namespace").read_text(encoding="ascii").strip()
        else:
            file = os.environ.get("KUBECONFIG")  # the client reads it when it is imported, and never again
            config.load_kube_config(file, client_configuration=configuration)
            own = config.list_kube_config_contexts(file)[1]["context"].get("namespace", "default")
    except (config.ConfigException, OSError) as error:
        raise ClusterUnavailable(
            "no cluster is configured here: set KUBECONFIG, or run this in a pod of Casa's"
        ) from error
    configuration.retries = False  # the client would repeat in silence what `_ask` repeats in the open
    return Cluster(ApiClient(configuration), namespace or own)


def in_cluster() -> bool:
    """Is this process in a pod with a service account's token?"""
    return (
        "KUBECONFIG" not in os.environ
        and "KUBERNETES_SERVICE_HOST" in os.environ
        and (TOKEN_FOLDER / "token").is_file()
    )


def _ask(call: Callable[..., Any], *words: object, **options: object) -> Json:
    """What the API answers; said again while it is unwell."""
    with _translated():
        for attempt in stamina.retry_context(on=_passes, attempts=TRIES, timeout=TRY_SECONDS, wait_max=10.0):
            with attempt:
                answer = _raw(call, *words, **{"_request_timeout": CALL_SECONDS, **options})
                found: Json = orjson.loads(answer.data)
    return found


def _raw(call: Callable[..., Any], *words: object, **options: object) -> Any:  # urllib3's answer
    answer = call(*words, **options, _preload_content=False)
    if answer.status >= 300:
        raise ApiException(http_resp=answer)
    return answer


def _passes(error: Exception) -> bool:
    return isinstance(error, Broken) or (isinstance(error, ApiException) and error.status in PASSING)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        raise _told(error) from error
    except Broken as error:
        raise ClusterUnavailable(f"the cluster's API does not answer ({type(error).__name__}); try again") from error


def _told(error: ApiException) -> Exception:
    kinds = {404: NotFound, 409: Conflict, GONE: Gone}
    return kinds.get(error.status, ClusterUnavailable)(f"the cluster says {error.status}: {_message(error)}")


def _message(error: ApiException) -> str:
    try:
        return str(orjson.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def _events(answer: Any) -> Iterator[Json]:  # urllib3's answer
    try:
        for line in answer:
            event = orjson.loads(line)
            if event["type"] == "ERROR":
                raise ApiException(status=event["object"].get("code"), reason=event["object"].get("message"))
            yield event["object"]
    finally:
        answer.close()


def _only_if(found: Json) -> Operation:
    """A step that fails with a conflict if the object has changed since."""
    version = found["metadata"]["resourceVersion"]
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": version}


def _items(found: Json) -> list[Json]:
    items: list[Json] = found["items"]
    return items


def _joined(selector: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in selector.items())
