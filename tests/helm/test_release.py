"""What a release does: which model it serves, how it rolls, what runs when, and what belongs to it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from casa.cli.retrain import UNDONE
from tests.helm.chart import CHART, PROJECT, VALUES, Object, containers, find_one, helm, pod, pods, render

EVERYTHING = next(path for path in VALUES if path.name == "everything-values.yaml")
PRODUCTION = next(path for path in VALUES if path.name == "production-values.yaml")
VERSION = "casa/model-version"
CAUSE = "kubernetes.io/change-cause"


def deployment(*sets: str) -> Object:
    return find_one(render(*sets), "Deployment", "casa")


def environ(container: Object) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_the_model_is_pinned_in_the_pod_template_alone() -> None:
    found = deployment("model.version=0123456789ab")
    spec = found["spec"]["template"]
    assert spec["metadata"]["annotations"][VERSION] == "0123456789ab"
    assert "0123456789ab" not in str(spec["spec"])
    assert found["metadata"]["annotations"][CAUSE] == "model 0123456789ab"


def test_both_containers_read_the_pinned_version() -> None:
    spec = pod(deployment())
    told = {"fieldRef": {"fieldPath": f"metadata.annotations['{VERSION}']"}}
    assert [environ(one)["CASA_MODEL_VERSION"] for one in (*spec["initContainers"], *spec["containers"])] == [told] * 2


def test_without_a_version_the_model_is_left_to_rollouts() -> None:
    found = deployment()
    assert VERSION not in found["spec"]["template"]["metadata"]["annotations"]
    assert "annotations" not in found["metadata"]


def test_the_replicas_are_the_autoscalers_where_there_is_one() -> None:
    assert "replicas" not in deployment()["spec"]
    assert deployment("autoscaling.enabled=false", "service.replicas=3")["spec"]["replicas"] == 3


def test_a_rollout_takes_no_pod_away_before_the_next_is_ready() -> None:
    assert deployment()["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.parametrize("seconds", [5, 20])
def test_a_pod_has_time_to_drain_and_25_seconds_to_end(seconds: int) -> None:
    spec = pod(deployment(f"service.drainSeconds={seconds}"))
    (service,) = spec["containers"]
    assert service["lifecycle"]["preStop"]["exec"]["command"] == ["casa", "drain", "--wait", str(seconds)]
    assert spec["terminationGracePeriodSeconds"] >= seconds + 25


def test_postgresql_is_not_killed_while_its_stop_is_waited_for() -> None:
    spec = pod(find_one(render(), "StatefulSet", "casa-postgres"))
    (postgres,) = spec["containers"]
    (waits,) = (word for word in postgres["lifecycle"]["preStop"]["exec"]["command"] if word.startswith("--timeout="))
    assert spec["terminationGracePeriodSeconds"] > int(waits.partition("=")[2])


def test_the_probes_ask_what_they_mean() -> None:
    (service,) = pod(deployment())["containers"]
    asked = {name: service[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}


def test_a_service_for_callers_and_one_for_balancing_grpc() -> None:
    objects = render()
    ports = [{"http": 3000, "grpc": 3001}] * 2
    services = [find_one(objects, "Service", name)["spec"] for name in ("casa", "casa-headless")]
    assert [{port["name"]: port["port"] for port in one["ports"]} for one in services] == ports
    assert services[1]["clusterIP"] == "None"


def test_every_service_finds_pods() -> None:
    objects = render()
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in objects if "template" in one.get("spec", {})]
    for service in (one for one in objects if one["kind"] == "Service"):
        assert any(service["spec"]["selector"].items() <= some.items() for some in labels), service["metadata"]["name"]


def test_a_new_version_of_the_chart_restarts_no_database() -> None:
    for one in render():
        if one["kind"] == "StatefulSet":
            assert "helm.sh/chart" not in one["spec"]["template"]["metadata"]["labels"]


def test_retraining_is_weekly_and_never_twice_at_once() -> None:
    spec = find_one(render(), "CronJob", "casa-retrain")["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("0 0 * * 0", "Forbid")


def test_retraining_on_drift_is_off_until_wanted() -> None:
    assert not any(one["metadata"]["name"] == "casa-drift" for one in render())
    spec = find_one(render("drift.enabled=true"), "CronJob", "casa-drift")["spec"]["jobTemplate"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["command"] == ["casa", "retrain", "--if-drifted", "http://casa:3000"]


@pytest.mark.parametrize("name", ["casa-retrain", "casa-drift"])
def test_a_retraining_whose_model_did_not_hold_is_not_run_again(name: str) -> None:
    # The second run would leave that model alone and end well: nobody would be told of the first.
    job = find_one(render("drift.enabled=true"), "CronJob", name)["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    codes = {"containerName": container["name"], "operator": "In", "values": [UNDONE]}
    assert job["podFailurePolicy"]["rules"] == [{"action": "FailJob", "onExitCodes": codes}]


def test_keys_of_ones_own_need_no_job_and_no_role() -> None:
    objects = render("keys.existingSecret=mine")
    assert not any(one["metadata"]["name"] == "casa-keys" for one in objects)
    (service,) = pod(find_one(objects, "Deployment", "casa"))["containers"]
    assert environ(service)["CASA_KEY_PEPPER"] == {"secretKeyRef": {"name": "mine", "key": "pepper"}}


def test_keys_are_made_before_an_install_and_an_upgrade_and_leave_no_role() -> None:
    made = [one for one in render() if one["metadata"]["name"] == "casa-keys"]
    assert {one["kind"] for one in made} == {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "Job"}
    for one in made:
        notes = one["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "hook-succeeded" in notes["helm.sh/hook-delete-policy"]


def test_a_rollout_may_read_prices_and_metrics_and_a_test_prices_only() -> None:
    spec = pod(find_one(render(), "Job", "casa-keys"))
    scopes = {
        one["name"]: [word for word in one["command"] if word.startswith("--scope")]
        for one in (*spec["initContainers"], *spec["containers"])
    }
    assert scopes == {"test": ["--scope=predict"], "rollout": ["--scope=predict", "--scope=monitor"]}


def test_each_name_from_outside_has_a_certificate_that_cert_manager_can_issue() -> None:
    # It lets one Ingress own a certificate, and would leave the second name out of it.
    doors = [one["spec"] for one in render(values=PRODUCTION) if one["kind"] == "Ingress"]
    hosts = {tls["secretName"]: tls["hosts"] for door in doors for tls in door["tls"]}
    assert hosts == {"casa-tls": ["casa.example.org"], "casa-grpc-tls": ["grpc.casa.example.org"]}


def test_nodes_that_no_replica_may_go_to_do_not_count_for_the_spread() -> None:
    spread = pod(deployment("service.spread=DoNotSchedule"))["topologySpreadConstraints"]
    assert [one["nodeTaintsPolicy"] for one in spread] == ["Honor", "Honor"]


def test_production_brings_no_database_of_its_own() -> None:
    objects = render(values=PRODUCTION)
    assert not any(one["kind"] in ("StatefulSet", "PersistentVolumeClaim") for one in objects)
    (service,) = pod(find_one(objects, "Deployment", "casa"))["containers"]
    assert environ(service)["CASA_DATABASE_URL"] == {"secretKeyRef": {"name": "casa-database", "key": "url"}}
    assert environ(service)["CASA_REDIS_URL"] == {"secretKeyRef": {"name": "casa-quotas", "key": "url"}}


def test_whoever_opens_a_postgresql_of_ones_own_can_check_its_certificate() -> None:
    # psycopg brings an OpenSSL that knows no authority: verify-full needs a file.
    url = re.search(r"sslrootcert=(\S+)/ca.crt", (PROJECT / "k8s/examples/external-secrets.yaml").read_text())
    assert url
    for name, spec in pods(render(values=PRODUCTION)):
        for container in containers(spec):
            if "casa-database" in str(container.get("env")):
                assert url[1] in [mount["mountPath"] for mount in container["volumeMounts"]], (name, container["name"])


def test_rules_and_dashboard_are_those_beside_the_chart() -> None:
    objects = render("monitoring.enabled=true")
    rules = yaml.safe_load((PROJECT / "k8s/prometheus/rules.yaml").read_text())
    assert find_one(objects, "PrometheusRule", "casa")["spec"] == rules
    shown = find_one(objects, "ConfigMap", "casa-dashboard")["data"]["casa.json"]
    assert shown.strip() == (PROJECT / "k8s/prometheus/dashboard.json").read_text().strip()


def test_two_releases_in_a_namespace_share_nothing() -> None:
    names = [{(one["kind"], one["metadata"]["name"]) for one in render(release=name)} for name in ("casa", "other")]
    assert not names[0] & names[1]


def notes(folder: Path, *words: str) -> str:
    chart = shutil.copytree(CHART, folder / "casa")
    (chart / "templates/NOTES.txt").rename(chart / "notes.txt")  # helm shows them to those who have a cluster
    (chart / "templates/notes.yaml").write_text(
        'kind: Notes\ntext: |\n{{- tpl (.Files.Get "notes.txt") . | nindent 2 }}'
    )
    done = helm("template", "casa", chart, "--kube-version", "1.34.0", "--show-only", "templates/notes.yaml", *words)
    return str(yaml.safe_load(done.stdout)["text"])


def test_the_notes_name_the_next_commands(tmp_path: Path) -> None:
    told = notes(tmp_path)
    for command in ("helm test casa", "kubectl", "port-forward", "curl", "casa keys create", "rollout undo"):
        assert command in told


@pytest.mark.parametrize(("open_monitoring", "warnings"), [("true", 1), ("false", 0)])
def test_the_notes_warn_of_metrics_that_the_world_can_read(open_monitoring: str, warnings: int, tmp_path: Path) -> None:
    words = ["--set", "ingress.enabled=true", "--set-string", f"settings.CASA_OPEN_MONITORING={open_monitoring}"]
    assert notes(tmp_path, *words).count("/metrics") == warnings
