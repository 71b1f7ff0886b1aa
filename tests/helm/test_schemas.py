"""What the chart and k8s/ send is what Kubernetes, Prometheus' operator and KServe take: by their own schemas."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import PROJECT, VALUES, text
from tests.servers import tool

SCHEMAS = Path(__file__).with_name("schemas")
VERSIONS = ("1.29", "1.34")
FILES = [PROJECT / "k8s/kserve.yaml", PROJECT / "k8s/load/job.yaml"]


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a version, with a file a kind, as kubeconform looks for them."""
    folder = tmp_path_factory.mktemp("schemas")
    for version in VERSIONS:
        definitions = json.loads((SCHEMAS / f"kubernetes-{version}.json").read_text())
        (folder / version).mkdir()
        (folder / version / "definitions.json").write_text(json.dumps({"definitions": definitions}))
        for name in definitions:
            group, api, kind = name.split(".")[-3:]
            file = "-".join([kind, *([] if group == "core" else [group]), api]).lower()
            reference = {"$ref": f"definitions.json#/definitions/{name}"}
            (folder / version / f"{file}.json").write_text(json.dumps(reference))
    return folder


def conform(content: str, *, schemas: Path, version: str) -> None:
    own = "{{.ResourceKind}}{{.KindSuffix}}.json"
    places = [schemas / version / own, SCHEMAS / own]
    words = [word for place in places for word in ("-schema-location", place)]
    done = subprocess.run(
        [tool("kubeconform"), "-strict", "-summary", *words, "-"],
        input=content, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.name)
def test_a_release_is_valid(values: Path, version: str, schemas: Path) -> None:
    conform(text(values=values, version=f"{version}.0"), schemas=schemas, version=version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_file_beside_the_chart_is_valid(file: Path, version: str, schemas: Path) -> None:
    conform(file.read_text(), schemas=schemas, version=version)


def test_a_misspelt_field_is_found(schemas: Path) -> None:
    wrong = yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringdata": {}})
    with pytest.raises(AssertionError, match="stringdata"):
        conform(wrong, schemas=schemas, version=VERSIONS[0])
