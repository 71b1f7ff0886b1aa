"""`casa retrain` on a machine without a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from casa.cli.retrain import exit_code
from casa.house import HOUSE
from casa.model.registry import CHAMPION, Registry
from casa.model.store import Store
from pipeline.retrain import Outcome, Result
from pipeline.train import Rows
from tests.cli.shell import ROOT, casa, start, write_csv
from tests.live import live

SMALL = (
    *("train.draws=1", "train.search_folds=2", "train.folds=2", "train.repeats=1", "train.workers=1"),
    *("evaluate.repeats=1", "evaluate.bootstraps=10"),
)


def knobs(*more: str) -> list[str]:
    return [word for knob in (*SMALL, *more) for word in ("--set", knob)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Rows) -> Path:
    """A machine without a cluster: its own store, MLflow and table."""
    settings: Mapping[str, str] = {
        "KUBECONFIG": str(tmp_path / "none"),
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "CASA_DATA_DIR": str(tmp_path / "data"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    rows = zip(table.houses[:80].tolist(), table.prices[:80].tolist(), strict=True)
    write_csv(tmp_path / "few.csv", [dict(zip(HOUSE.columns, map(str, [*h, p]), strict=True)) for h, p in rows])
    return tmp_path


def test_a_dry_run_tells_and_changes_nothing(machine: Path) -> None:
    result = casa("retrain", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "the champion is not there yet",
        "the table would have 506 rows of source bundled and 0 of feedback",
        "  0 left out: outside the ranges, or said again",
        "  0 left out: over a client's share",
        "a model would be trained; a better one would be champion",
    ]
    assert (
        not (machine / "mlflow.db").exists() or Registry(f"sqlite:///{machine / 'mlflow.db'}").alias(CHAMPION) is None
    )


def test_the_first_model_is_champion(machine: Path) -> None:
    words = ["retrain", *knobs("ingest.source=csv", f"ingest.path={machine / 'few.csv'}")]
    with start(*words, folder=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        told, said = process.communicate()
    assert process.returncode == 0, said
    champion = Store(machine / "bentoml").champion
    assert Registry(f"sqlite:///{machine / 'mlflow.db'}").alias(CHAMPION) == champion
    assert told.splitlines()[-1].startswith(f"model {champion}, promoted: ")
    assert (machine / "data/retrain.md").read_text().startswith("# Retraining: promoted")


@pytest.mark.parametrize(("result", "code"), [("promoted", 0), ("kept", 0), ("unchanged", 0), ("undone", 3)])
def test_only_a_model_that_did_not_hold_has_an_exit_code_of_its_own(result: Result, code: int) -> None:
    assert exit_code(Outcome(result, "0123456789ab", "because", "")) == code


def test_a_knob_that_is_none_is_said(machine: Path) -> None:
    result = casa("retrain", "--set", "draws=3")
    assert result.exit_code == 1
    assert "write section.knob=value" in result.stderr


def test_a_service_that_has_not_drifted_needs_no_model(store_home: Path) -> None:
    with live(store_home) as service:
        result = casa("retrain", "--if-drifted", service.address)
    assert (result.exit_code, result.stdout) == (0, "nothing has drifted: no model is trained\n")


def test_a_service_that_does_not_answer_is_said() -> None:
    result = casa("retrain", "--if-drifted", "http://127.0.0.1:9")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
