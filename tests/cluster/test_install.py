"""`helm install casa` is enough: everything runs, closed as it should be, and answers."""

from __future__ import annotations

import json
import sys

import httpx
import pytest

from tests.cluster.callers import ask
from tests.cluster.laptop import forwarded
from tests.cluster.release import GRPC, HTTP, NODE, Release, run

PRIVILEGED = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "root"},
    "spec": {"containers": [{"name": "root", "image": "localhost/casa:dev"}]},
}


def test_its_namespace_refuses_pods_that_are_not_restricted(release: Release) -> None:
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        release.kubectl("apply", "--filename=-", stdin=json.dumps(PRIVILEGED))


def test_all_its_pods_are_ready_in_that_namespace(release: Release) -> None:
    for component in ("service", "mlflow", "postgres", "redis"):
        (pod,) = release.pods(component)
        assert all(one["ready"] for one in pod["status"]["containerStatuses"]), component


def test_helm_test_prices_a_house_over_both_protocols(release: Release) -> None:
    assert "Phase:          Succeeded" in release.helm("test", release.name, "--timeout=2m")


def test_a_house_has_a_price_over_http_at_the_node_s_port(key: str) -> None:
    answer = ask(key)
    assert answer.status == 200
    assert 10 < json.loads(answer.body)["prediction"] < 50


def test_grpc_at_the_node_s_port_answers_the_same(release: Release, key: str) -> None:
    words = ("-m", "casa.cli.main", "ask", f"http://{NODE}:{HTTP}", f"--grpc={NODE}:{GRPC}")
    told = run(sys.executable, *words, environ={"CASA_API_KEY": key})
    assert len({line.split()[-1] for line in told.splitlines()}) == 1


def test_a_call_without_a_key_is_refused() -> None:
    assert ask("").status == 401


def test_a_price_that_was_told_is_in_the_database(release: Release, key: str) -> None:
    assert ask(key, request_id="first-of-all").status == 200
    release.await_answer("SELECT count(*) FROM predictions WHERE request_id = 'first-of-all'", "1")


def test_mlflow_answers_to_its_own_names_only(release: Release) -> None:
    with forwarded(release, "service/casa-mlflow", 5000) as port:
        call = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search?max_results=1"
        assert httpx.get(call).status_code == 200
        assert httpx.get(call, headers={"Host": "elsewhere"}).status_code == 403
