"""The chart, rendered by helm as it would be installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.servers import tool

PROJECT = Path(__file__).parents[2]
CHART = PROJECT / "helm/casa"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob", "Pod")
Object = dict[str, Any]
"""An object of Kubernetes."""


def helm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm, knowing of no cluster."""
    environ = {**os.environ, "KUBECONFIG": os.devnull}
    return subprocess.run([tool("helm"), *words], capture_output=True, text=True, env=environ, check=False)


@cache
def text(*sets: str, values: Path | None = None, release: str = "casa", version: str = "1.34.0") -> str:
    """What `helm install` would send, with these values."""
    files = ["--values", values] if values else []
    done = helm("template", release, CHART, "--namespace", "homes", "--kube-version", version, *files, *_set(sets))
    assert done.returncode == 0, done.stderr
    return done.stdout


def _set(sets: Sequence[str]) -> list[str]:
    return [word for one in sets for word in ("--set", one)]


def render(*sets: str, values: Path | None = None, release: str = "casa") -> list[Object]:
    """The objects of a release."""
    return [one for one in yaml.safe_load_all(text(*sets, values=values, release=release)) if one]


def find_one(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The one object of this kind and name."""
    (found,) = (one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Each workload's name and pod spec."""
    for one in objects:
        if one["kind"] in WORKLOADS:
            yield f"{one['kind']} {one['metadata']['name']}", pod(one)


def pod(workload: Object) -> Object:
    """The pod spec of a workload."""
    if workload["kind"] == "Pod":
        return dict(workload["spec"])
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    return dict(spec["template"]["spec"])


def containers(spec: Object) -> list[Object]:
    """All containers of a pod, those that come first too."""
    return [*spec.get("initContainers", []), *spec["containers"]]
