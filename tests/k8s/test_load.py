"""The load test's callers, run by locust itself against a real service."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.live import Live, live
from tests.transports.test_clients import CLIENTS, environment

FOLDER = Path(__file__).parents[2] / "k8s/load"


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    with live(store_home) as service:
        yield service


def test_every_kind_of_call_is_made_and_none_fails(service: Live, tmp_path: Path) -> None:
    command = [environment("locust").with_name("locust"), "--locustfile", FOLDER / "locustfile.py", "--headless"]
    words = ["--host", service.address, "--users", "10", "--spawn-rate", "10", "--run-time", "5s", "--csv", "load"]
    key = {**os.environ, "CASA_API_KEY": service.key}
    done = subprocess.run([*command, *words], cwd=tmp_path, env=key, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "load_stats.csv").open() as file:
        calls = {line["Name"]: (int(line["Request Count"]) > 0, line["Failure Count"]) for line in csv.DictReader(file)}
    assert calls == dict.fromkeys(["/predict", "/predict/batch", "/explain", "Aggregated"], (True, "0"))


def test_the_job_runs_the_locust_that_is_tried_here() -> None:
    job = yaml.safe_load((FOLDER / "job.yaml").read_text())
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]
    assert f"locust=={image.rpartition(':')[2]} " in (CLIENTS / "locust.lock").read_text()
