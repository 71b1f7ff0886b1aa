"""`casa rollout`: what it says of a cluster, and of one that is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from casa.model.bundle import Bundle
from casa.model.store import Store
from casa.rollout.cluster import Cluster
from tests.cli.shell import at_terminal, casa
from tests.rollout.api import Api, served

OLD = "0123456789ab"


@pytest.fixture
def api() -> Api:
    return Api(OLD)


@pytest.fixture
def cluster(api: Api, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that KUBECONFIG leads to."""
    with served(api) as cluster:
        config = {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "here"}}],
            "clusters": [{"name": "test", "cluster": {"server": cluster.api.configuration.host}}],
            "users": [{"name": "test", "user": {"token": "none"}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield cluster


def test_status_is_json_in_a_pipe(cluster: Cluster) -> None:
    result = casa("rollout", "status")
    told = json.loads(result.stdout)
    assert (told["version"], told["namespace"], told["rollout"], told["alias"]) == (OLD, "here", None, None)
    assert told["history"] == [{"revision": 1, "version": OLD, "cause": ""}]


def test_status_is_a_table_on_a_terminal(cluster: Cluster, tmp_path: Path) -> None:
    code, shown = at_terminal("rollout", "status", folder=tmp_path)
    assert code == 0
    assert f"here/casa serves model {OLD}" in shown
    assert "0 of 1 pods are ready" in shown


def test_without_a_key_nothing_is_begun(
    cluster: Cluster, api: Api, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CASA_API_KEY", raising=False)
    result = casa("rollout", "to", saved.version)
    assert result.exit_code == 1
    assert "set CASA_API_KEY" in result.stderr
    assert api.version == OLD


def test_pods_that_cannot_be_asked_take_it_back(
    cluster: Cluster, api: Api, saved: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASA_API_KEY", "casa_any")
    result = casa("rollout", "to", saved.version)
    assert result.exit_code == 1
    assert f"casa: model {saved.version} was taken back: pod casa-{saved.version} does not answer" in result.stderr
    assert (api.version, api.state["phase"]) == (OLD, "undone")


def test_undo_goes_back_and_a_model_that_is_nowhere_is_said(cluster: Cluster, api: Api) -> None:
    api.deployment["spec"]["template"]["metadata"]["annotations"]["casa/model-version"] = "aaaaaaaaaaaa"
    api.reconcile()
    assert casa("rollout", "undo").stdout == f"deployment casa serves model {OLD} again\n"
    assert api.version == OLD


def test_a_second_one_leaves(cluster: Cluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"}
    real, moments = api.leases, iter(range(9))

    class Renewed(dict):  # type: ignore[type-arg]
        def __getitem__(self, name: str) -> object:
            renewed = {**spec, "renewTime": f"2026-01-01T00:00:0{next(moments)}.000000Z"}
            return {"metadata": {"name": name, "resourceVersion": "1"}, "spec": renewed}

    api.leases = Renewed({"casa-retrain": {}})
    result = casa("rollout", "undo")
    api.leases = real
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a rollout or retraining runs already, by another: one at a time" in result.stderr


def test_without_a_cluster_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = casa("rollout", "status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "casa: no cluster is configured here: set KUBECONFIG, or run this in a pod of Casa's\n"


def test_a_deployment_that_is_not_there_is_one_sentence(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_DEPLOYMENT", "other")
    result = casa("rollout", "status")
    assert (result.exit_code, result.stderr) == (1, "casa: the cluster says 404: not found\n")
