"""Makes the schemas beside it from their public Go modules: `python -m tests.helm.schemas`. Needs Go and a network."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

HERE = Path(__file__).parent
KUBERNETES = {"1.29": "k8s.io/kubernetes@v1.29.15", "1.34": "k8s.io/kubernetes@v1.34.4"}
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.83.0"
KSERVE = "github.com/kserve/kserve@v0.16.0"
CRDS = {
    "servicemonitor-monitoring-v1": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors"),
    "prometheusrule-monitoring-v1": (
        OPERATOR,
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules",
    ),
    "inferenceservice-serving-v1beta1": (KSERVE, "config/crd/full/serving.kserve.io_inferenceservices"),
}
KINDS = (
    "apps.v1.Deployment",
    "apps.v1.StatefulSet",
    "autoscaling.v2.HorizontalPodAutoscaler",
    "batch.v1.CronJob",
    "batch.v1.Job",
    "coordination.v1.Lease",
    "core.v1.ConfigMap",
    "core.v1.PersistentVolumeClaim",
    "core.v1.Pod",
    "core.v1.Secret",
    "core.v1.Service",
    "core.v1.ServiceAccount",
    "networking.v1.Ingress",
    "networking.v1.NetworkPolicy",
    "policy.v1.PodDisruptionBudget",
    "rbac.v1.Role",
    "rbac.v1.RoleBinding",
)
WORDS = ("description", "x-kubernetes-", "format", "default")
"""What says nothing of whether an object is valid. A field may have one of these names, too: its value is no text."""
PARTS = frozenset({"explainer", "transformer", "workerSpec"})
"""Of an InferenceService, what a single container does without; most of its schema."""
LOOSE = {"intstr.IntOrString": ["string", "integer"], "resource.Quantity": ["string", "number"]}
Schema = Any  # a JSON schema is a tree of whatever JSON can hold


def fetch(module: str) -> Path:
    """The folder of a Go module, downloaded if it is not there."""
    with TemporaryDirectory() as empty:
        done = subprocess.run(
            ["go", "mod", "download", "-json", module], cwd=empty, capture_output=True, text=True, check=True
        )
    return Path(json.loads(done.stdout)["Dir"])


def tighten(schema: Schema, *, names: bool = False) -> Schema:
    """Without descriptions, and with no field allowed that is not declared. `names`: its keys are fields' names."""
    if isinstance(schema, list):
        return [tighten(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if names or not name.startswith(WORDS)}
    tight = {name: tighten(value, names=not names and name == "properties") for name, value in kept.items()}
    if not names and "properties" in tight and "x-kubernetes-preserve-unknown-fields" not in schema:
        tight.setdefault("additionalProperties", False)
    return tight


def kubernetes(module: str) -> Schema:
    """The definitions that our kinds reach, by name."""
    swagger = json.loads((fetch(module) / "api/openapi-spec/swagger.json").read_text())["definitions"]
    wanted, kept = [f"io.k8s.api.{kind}" for kind in KINDS], {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = loosen(name, tighten(swagger[name]))
            wanted += references(kept[name])
    return dict(sorted(kept.items()))


def loosen(name: str, schema: Schema) -> Schema:
    """Kubernetes calls them strings, and takes numbers."""
    types = next((types for end, types in LOOSE.items() if name.endswith(end)), None)
    return {"type": types} if types else schema


def references(schema: Schema) -> Iterator[str]:
    """The definitions that a schema names."""
    if isinstance(schema, dict):
        if isinstance(found := schema.get("$ref"), str):
            yield found.rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from references(one)


def custom(module: str, path: str) -> Schema:
    """The schema of a custom resource's newest version, its status left out."""
    definition = yaml.safe_load((fetch(module) / f"{path}.yaml").read_text())
    schema = tighten(definition["spec"]["versions"][-1]["schema"]["openAPIV3Schema"])
    fields = schema["properties"]
    fields["metadata"], _ = {"type": "object"}, fields.pop("status", None)
    return without_frameworks(schema)


def without_frameworks(schema: Schema) -> Schema:
    """Without the fields that only KServe's own servers of other frameworks' models use."""
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in PARTS and not is_framework(value)}
    return {name: without_frameworks(value) for name, value in kept.items()}


def is_framework(schema: Schema) -> bool:
    """Is it a field for one framework's models?"""
    return isinstance(schema, dict) and {"storageUri", "protocolVersion"} <= set(schema.get("properties", {}))


def write(name: str, schema: Schema) -> None:
    """One file, without spaces."""
    (HERE / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    for version, module in KUBERNETES.items():
        write(f"kubernetes-{version}", kubernetes(module))
    for name, source in CRDS.items():
        write(name, custom(*source))
