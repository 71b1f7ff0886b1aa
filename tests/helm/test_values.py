"""Every value of the chart has a sentence, a place in the schema and a template that reads it."""

from __future__ import annotations

import json
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import CHART, PROJECT, VALUES, containers, find_one, helm, pod, render
from tests.helm.values import Value, told, values

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = "".join(file.read_text() for file in sorted((CHART / "templates").rglob("*.*")))
BAD = {
    "unknown=1": "'unknown'",
    "service.replica=1": "'replica'",
    "image.tag=latest": "/image/tag",
    "redis.image=redis:latest": "/redis/image",
    "model.version=newest": "/model/version",
    "retrain.schedule=weekly": "/retrain/schedule",
    "settings.MAX_ROWS=1": "'MAX_ROWS'",
    "settings.CASA_DATABASE_URL=sqlite:///x": "CASA_DATABASE_URL",
    "retrain.settings.CASA_NAMESPACE=other": "CASA_NAMESPACE",
    "service.resources.limits.memory=null": "/service/resources/limits",
}


def fields(schema: Any) -> dict[str, Any]:
    """The schemas of a section's values; none if it is no section."""
    definition = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    found: dict[str, Any] = definition.get("properties", {})
    return found


def is_read(path: str) -> bool:
    """Does a template name it, or hand its section as a whole to a helper that does?"""
    section, _, name = path.rpartition(".")
    whole = re.search(rf'"image" \.Values\.{section}\) }}}}', TEMPLATES) and f" .image.{name} " in TEMPLATES
    looped = re.search(rf'dict "postgres".*"{section}"', TEMPLATES) and f"$component).{name} " in TEMPLATES
    return f".Values.{path}" in TEMPLATES or bool(whole or looped)


@pytest.mark.parametrize("value", values(), ids=lambda value: value.path)
def test_a_value_has_a_sentence_a_schema_and_a_template(value: Value) -> None:
    assert value.sentence.endswith(".")
    assert reduce(lambda schema, name: fields(schema)[name], value.path.split("."), SCHEMA)
    assert is_read(value.path)


def test_the_schema_names_nothing_else() -> None:
    sections = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, schema in SCHEMA["properties"].items():
        if set(fields(schema)) and isinstance(sections[name], dict):
            assert set(fields(schema)) == set(sections[name])


def test_the_readme_tells_them_all() -> None:
    page = (CHART / "README.md").read_text()
    assert page == told(page), "run python -m tests.helm.values"


@pytest.mark.parametrize("change", BAD)
def test_a_wrong_value_is_refused(change: str) -> None:
    done = helm("template", "casa", CHART, "--kube-version", "1.34.0", "--set", change)
    assert done.returncode != 0
    assert BAD[change] in done.stderr


def test_no_setting_can_contradict_what_the_chart_says_of_itself() -> None:
    objects = render("drift.enabled=true")
    workloads = [find_one(objects, kind, name) for kind, name in
                 (("Deployment", "casa"), ("CronJob", "casa-retrain"), ("CronJob", "casa-drift"))]  # fmt: skip
    said = {
        one["name"] for workload in workloads for container in containers(pod(workload)) for one in container["env"]
    }
    ports = {"CASA_HTTP_PORT", "CASA_GRPC_PORT"}
    assert (
        set(SCHEMA["definitions"]["settings"]["propertyNames"]["not"]["enum"]) == said - {"MLFLOW_TRACKING_URI"} | ports
    )


@pytest.mark.parametrize("section", ["postgres", "mlflow"])
def test_what_is_left_out_must_be_somewhere_else(section: str) -> None:
    done = helm("template", "casa", CHART, "--kube-version", "1.34.0", "--set", f"{section}.enabled=false")
    assert f"{section}.enabled is false" in done.stderr


@pytest.mark.parametrize("example", ["laptop", "production", "air-gapped"])
def test_an_example_is_checked_as_the_charts_own(example: str) -> None:
    assert (PROJECT / f"k8s/examples/{example}.yaml").resolve() in VALUES


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.name)
def test_the_chart_has_nothing_to_be_said_against(values: Path) -> None:
    done = helm("lint", "--strict", CHART, "--values", values, "--kube-version", "1.34.0")
    assert done.returncode == 0, done.stdout
