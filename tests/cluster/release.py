"""A release of the chart, on the cluster that KUBECONFIG leads to."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from casa.house import HOUSE
from tests.servers import tool, until

CHART = Path(__file__).parents[2] / "helm/casa"
NODE, HTTP, GRPC = "127.0.0.1", 30310, 30311
"""Where the cluster's node ports are reached from here: k8s/kind.yaml leads there, too."""
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
KNOBS = {
    "ingest.eda_report": "false",
    "train.draws": "2",
    "train.search_folds": "2",
    "train.folds": "3",
    "train.repeats": "1",
    "evaluate.repeats": "1",
    "evaluate.bootstraps": "200",
}
"""A pipeline of a minute. What it makes is what it always makes: the champion's recipe needs no search."""
VALUES: dict[str, Any] = {
    "service": {"httpNodePort": HTTP, "grpcNodePort": GRPC},
    "retrain": {
        "suspend": True,  # the tests start it
        "backoffLimit": 0,
        "settings": {"CASA_WATCH_SECONDS": "10"},
        "args": [f"--set={name}={value}" for name, value in KNOBS.items()],
    },
}
"""What differs from the laptop's values."""
Object = dict[str, Any]
"""An object of Kubernetes."""


def run(
    program: str, *words: str | Path, stdin: str = "", seconds: float = 300, environ: Mapping[str, str] | None = None
) -> str:
    """What a program prints; it must end well."""
    command, environ = [tool(program), *words], {**os.environ, **(environ or {})}
    done = subprocess.run(
        command, input=stdin, env=environ, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{program} {' '.join(map(str, words))}: {done.stderr}{done.stdout}"
    return done.stdout


class Release:
    """`helm install casa`, in a namespace of its own that enforces the restricted pod security standard."""

    name = "casa"

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._values = folder / "values.yaml"

    def open(self) -> None:
        """Make the namespace."""
        labels = {**RESTRICTED, "casa-tests": "true"}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        run("kubectl", "apply", "--filename=-", stdin=json.dumps(made))

    def close(self) -> None:
        """Take all of it away."""
        run("kubectl", "delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=180s")

    def kubectl(self, *words: str | Path, stdin: str = "", seconds: float = 300) -> str:
        """Run kubectl in the namespace."""
        return run("kubectl", "--namespace", self.namespace, *words, stdin=stdin, seconds=seconds)

    def helm(self, *words: str | Path, seconds: float = 420) -> str:
        """Run helm in the namespace."""
        return run("helm", "--namespace", self.namespace, *words, seconds=seconds)

    def install(self, **values: Any) -> None:
        """Install or upgrade it; returns once all its pods are ready."""
        self._values.write_text(yaml.safe_dump({**VALUES, **values}))
        files = ("--values", CHART / "ci/laptop-values.yaml", "--values", self._values)
        self.helm("upgrade", "--install", self.name, CHART, *files, "--wait", "--timeout=6m")

    def find(self, kind: str, name: str = name) -> Object:
        """One object."""
        found: Object = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return found

    def pods(self, component: str = "service") -> list[Object]:
        """The pods of a component that are not on their way out."""
        chosen = f"--selector=app.kubernetes.io/component={component},app.kubernetes.io/instance={self.name}"
        found: list[Object] = json.loads(self.kubectl("get", "pods", chosen, "--output=json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pinned(self) -> str:
        """The model version in the Deployment's pod template; empty for the image's own."""
        template = self.find("deployment")["spec"]["template"]
        return str(template["metadata"].get("annotations", {}).get("casa/model-version", ""))

    def ready(self) -> int:
        """How many replicas of the service are ready."""
        return int(self.find("deployment")["status"].get("readyReplicas", 0))

    def settle(self, kind: str = "deployment/casa") -> None:
        """Wait until a rollout has ended well."""
        self.kubectl("rollout", "status", kind, "--timeout=240s")

    def secret(self, name: str, key: str) -> str:
        """What a Secret holds under a key."""
        return base64.b64decode(self.find("secret", name)["data"][key]).decode()

    def query(self, sql: str) -> str:
        """What Casa's database answers."""
        words = ("psql", "--username=postgres", "--no-align", "--tuples-only", "--command", sql, "casa")
        return self.kubectl("exec", "casa-postgres-0", "--container=postgres", "--", *words).strip()

    def await_answer(self, sql: str, answer: str) -> None:
        """Wait until Casa's database answers this: the service writes a little later."""
        until(lambda: self.query(sql) == answer, seconds=60)

    def registry(self, call: str) -> str:
        """What MLflow's registry says, as in `alias('champion')`."""
        script = f"from casa.model.registry import Registry; print(Registry('http://127.0.0.1:5000').{call})"
        return self.kubectl("exec", "deployment/casa-mlflow", "--", "python", "-c", script).strip()


HOUSE_BODY = json.dumps(HOUSE.example)
