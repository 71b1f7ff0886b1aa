"""What the chart sends is safe as it comes: pods under the restricted standard, a closed network, secrets by name."""

from __future__ import annotations

import re

import pytest

from tests.helm.chart import VALUES, Object, containers, find_one, pods, render

EVERYTHING = next(path for path in VALUES if path.name == "everything-values.yaml")
TALKERS = {"CronJob casa-retrain", "CronJob casa-drift", "Job casa-keys"}
"""Those that speak with the cluster's API."""
COMPONENTS = {"service", "mlflow", "postgres", "redis", "retrain", "keys", "test"}
Pod = tuple[str, Object]
Policy = tuple[str, Object]


@pytest.fixture(scope="module")
def release() -> list[Object]:
    return render(values=EVERYTHING)


@pytest.fixture(scope="module")
def all_pods(release: list[Object]) -> list[Pod]:
    return list(pods(release))


@pytest.fixture(scope="module")
def all_containers(all_pods: list[Pod]) -> list[Object]:
    return [container for _, spec in all_pods for container in containers(spec)]


def test_every_workload_is_looked_at(all_pods: list[Pod]) -> None:
    names = {"Deployment casa", "Deployment casa-mlflow", "StatefulSet casa-postgres", "StatefulSet casa-redis"}
    assert {name for name, _ in all_pods} == names | TALKERS | {"Pod casa-test"}


def test_no_pod_runs_as_root(all_pods: list[Pod]) -> None:
    for name, spec in all_pods:
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"] >= 999) == (True, True), name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name


def test_no_container_can_gain_anything_or_write_to_its_image(all_containers: list[Object]) -> None:
    safe = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    for container in all_containers:
        assert container["securityContext"] == safe, container["name"]


def test_only_pods_that_speak_with_the_cluster_have_a_token(all_pods: list[Pod], release: list[Object]) -> None:
    assert {name for name, spec in all_pods if spec["automountServiceAccountToken"]} == TALKERS
    for account in (one for one in release if one["kind"] == "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_no_pod_is_told_of_services_by_variables(all_pods: list[Pod]) -> None:
    assert all(spec["enableServiceLinks"] is False for _, spec in all_pods)


def test_every_container_asks_for_and_is_bound_to_processor_and_memory(all_containers: list[Object]) -> None:
    for container in all_containers:
        amounts = container["resources"]
        assert {*amounts["requests"], *amounts["limits"]} == {"cpu", "memory"}, container["name"]


def test_every_writable_folder_is_bounded(all_pods: list[Pod]) -> None:
    folders = [volume["emptyDir"] for _, spec in all_pods for volume in spec["volumes"] if "emptyDir" in volume]
    assert all(folder["sizeLimit"] for folder in folders)


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.name)
def test_every_image_is_pinned(values: str) -> None:
    images = {container["image"] for _, spec in pods(render(values=values)) for container in containers(spec)}
    for image in images:
        assert re.search(r"(:[^:/]+|@sha256:[0-9a-f]{64})$", image)
        assert not image.endswith(":latest")


def test_every_start_is_in_exec_form_without_a_shell(all_containers: list[Object]) -> None:
    for container in all_containers:
        assert (container.get("command") or ["image's own"])[0] not in ("sh", "bash", "/bin/sh", "/bin/bash")


def test_passwords_stand_in_secrets_only(release: list[Object]) -> None:
    secrets = [one for one in release if one["kind"] == "Secret"]
    words = {word for one in secrets for name, word in one["stringData"].items() if name.endswith("password")}
    others = str([one for one in release if one["kind"] != "Secret"])
    assert len(words) == 4
    assert not any(word in others for word in words)


def test_what_a_new_install_needs_is_left_by_an_uninstall(release: list[Object]) -> None:
    kept = {
        (one["kind"], one["metadata"]["name"])
        for one in release
        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    secrets = {("Secret", "casa-postgres"), ("Secret", "casa-redis")}
    assert kept == secrets | {("PersistentVolumeClaim", "casa-mlflow")}


def test_two_renders_without_a_cluster_share_no_password() -> None:
    first, second = render(), render(release="other")
    passwords = [
        find_one(one, "Secret", name)["stringData"]["password"]
        for one, name in ((first, "casa-redis"), (second, "other-redis"))
    ]
    assert len({*passwords}) == 2


def test_roles_name_what_they_may_change(release: list[Object]) -> None:
    for role in (one for one in release if one["kind"] == "Role"):
        for rule in role["rules"]:
            free = {*rule["verbs"]} - {"create"} if "resourceNames" not in rule else set()
            assert free <= {"list"}, rule
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]


def test_a_rollout_may_do_what_the_page_says_and_no_more(release: list[Object]) -> None:
    rules = find_one(release, "Role", "casa-retrain")["rules"]
    assert {rule["resources"][0]: sorted(rule["verbs"]) for rule in rules} == {
        "deployments": ["get", "patch", "watch"],
        "replicasets": ["list"],
        "pods": ["list"],
        "leases": ["get", "update"],
        "events": ["create"],
    }


def test_no_role_reads_secrets_but_the_one_that_makes_the_keys(release: list[Object]) -> None:
    readers = [one["metadata"]["name"] for one in release if one["kind"] == "Role" and "secrets" in str(one["rules"])]
    assert readers == ["casa-keys"]


@pytest.fixture(scope="module")
def policies(release: list[Object]) -> dict[str, Object]:
    return {one["metadata"]["name"]: one["spec"] for one in release if one["kind"] == "NetworkPolicy"}


def test_nothing_is_reached_unless_a_policy_says_so(policies: dict[str, Object]) -> None:
    deny = policies["casa-deny"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    assert "app.kubernetes.io/component" not in deny["podSelector"]["matchLabels"]


def test_every_component_has_a_policy_of_its_own(policies: dict[str, Object]) -> None:
    chosen = {spec["podSelector"]["matchLabels"].get("app.kubernetes.io/component") for spec in policies.values()}
    assert chosen == COMPONENTS | {None}


@pytest.mark.parametrize(
    ("component", "callers"),
    [
        ("mlflow", {"service", "retrain"}),
        ("postgres", {"service", "mlflow", "retrain"}),
        ("redis", {"service"}),
    ],
)
def test_only_those_who_need_it_reach_it(policies: dict[str, Object], component: str, callers: set[str]) -> None:
    (rule,) = policies[f"casa-{component}"]["ingress"]
    assert {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in rule["from"]} == callers
    assert all("namespaceSelector" not in peer for peer in rule["from"])


def test_databases_reach_nothing(policies: dict[str, Object]) -> None:
    assert not any("egress" in policies[f"casa-{component}"] for component in ("postgres", "redis"))


def test_a_policy_never_opens_all_of_a_network_but_the_apis_ports() -> None:
    policies = [one for one in render() if one["kind"] == "NetworkPolicy"]
    wide = [
        (one["metadata"]["name"], sorted(port["port"] for port in rule["ports"]))
        for one in policies
        for rule in one["spec"].get("egress", [])
        if "to" not in rule
    ]
    assert sorted(wide) == [("casa-keys", [443, 6443]), ("casa-retrain", [443, 6443])]


def test_callers_from_outside_come_by_tls(release: list[Object]) -> None:
    doors = [one["spec"] for one in release if one["kind"] == "Ingress"]
    assert len(doors) == 2
    assert all({tls["secretName"] for tls in door["tls"]} == {"casa-certificate"} for door in doors)
