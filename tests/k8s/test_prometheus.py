"""Rules and dashboard: they ring when they should, ask for what there is, and each alert is explained."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import need
from tests.transports.caller import EXAMPLE
from tests.transports.conftest import serving

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "k8s/prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
CASES = yaml.safe_load(Path(__file__).with_name("rules_test.yaml").read_text())["tests"]
ASKED = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
PARAGRAPHS = re.split(r"^#+ ", (PROJECT / "docs/operations.md").read_text(), flags=re.MULTILINE)
EXPLAINED = {title: text for title, _, text in (part.partition("\n") for part in PARAGRAPHS) if title in ALERTS}
METRIC = re.compile(r"\bcasa[:_][a-z0-9_:]+")


@pytest.fixture(scope="module")
def names(store_home: Path) -> Iterator[set[str]]:
    """Every name that Prometheus reads of a service that has priced houses, or makes by a rule."""
    with serving(store_home) as caller:
        caller.batch(*[EXAMPLE] * 200)
        told = re.findall(r"^(?:# TYPE )?(casa_\w+)", caller.get("/metrics").text, flags=re.MULTILINE)
        yield {*told, *(rule["record"] for rule in RULES if "record" in rule)}


def promtool(*words: str | Path, folder: Path) -> None:
    done = subprocess.run([need("promtool", "prometheus"), *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_ring_when_they_should_and_not_before(tmp_path: Path) -> None:
    for file in (FOLDER / "rules.yaml", Path(__file__).with_name("rules_test.yaml")):
        shutil.copy(file, tmp_path)
    promtool("test", "rules", "rules_test.yaml", folder=tmp_path)


def test_every_alert_is_tested_ringing_and_silent() -> None:
    tested = [(one["alertname"], bool(one.get("exp_alerts"))) for case in CASES for one in case["alert_rule_test"]]
    assert set(tested) == {(alert, rings) for alert in ALERTS for rings in (True, False)}


def test_the_dashboards_questions_are_sound(tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [{"record": f"x{place}", "expr": expr} for place, expr in enumerate(ASKED)]
    (tmp_path / "asked.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    promtool("check", "rules", "asked.yaml", folder=tmp_path)


@pytest.mark.parametrize("expr", ASKED)
def test_every_metric_that_is_asked_for_exists(names: set[str], expr: str) -> None:
    assert set(METRIC.findall(expr)) <= names


def test_every_alert_is_explained_and_nothing_else() -> None:
    titles = {part.partition("\n")[0] for part in PARAGRAPHS}
    assert {title for title in titles if title.startswith("Casa")} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_what_it_means_how_to_look_and_what_to_do(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["runbook"] == f"docs/operations.md#{alert.lower()}"
    assert re.findall(r"^\*\*(.+?)\*\*", EXPLAINED[alert], flags=re.MULTILINE) == ["Means", "Look", "Do"]


def test_panels_do_not_overlap_and_have_their_own_numbers() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in PANELS]
    assert len(set(places)) == len({panel["id"] for panel in PANELS}) == len(PANELS)
