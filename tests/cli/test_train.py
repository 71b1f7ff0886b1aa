"""`casa train`: the pipeline from one command."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from casa.house import HOUSE
from casa.model import bundle
from casa.model.registry import CHAMPION, Registry
from casa.model.store import Store
from pipeline.train import Rows
from tests.cli.shell import ROOT, casa, start, write_csv


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Rows) -> Path:
    """A project with few houses and knobs that make it quick; its store is empty."""
    for name, value in {"BENTOML_HOME": "home", "TMPDIR": "scratch"}.items():
        (tmp_path / value).mkdir()
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path)
    knobs = yaml.safe_load((ROOT / "params.yaml").read_bytes())
    knobs["ingest"] |= {"source": "csv", "path": "houses.csv"}
    knobs["train"] |= {"search_folds": 2, "folds": 2, "repeats": 1, "workers": 1}
    knobs["evaluate"] |= {"repeats": 1, "bootstraps": 10}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(knobs))
    rows = zip(table.houses[:80].tolist(), table.prices[:80].tolist(), strict=True)
    write_csv(tmp_path / "houses.csv", [dict(zip(HOUSE.columns, map(str, [*h, p]), strict=True)) for h, p in rows])
    return tmp_path


def test_quick_training_makes_the_first_champion_and_leaves_no_files(project: Path) -> None:
    with start("train", "--quick", folder=project, stdout=subprocess.PIPE) as process:
        told, _ = process.communicate()
    champion = Store(project / "home").champion
    assert (process.returncode, told.startswith(f"model {champion} is the champion: ")) == (0, True)
    assert Registry(f"sqlite:///{project / 'mlflow.db'}").alias(CHAMPION) == champion
    assert list((project / "scratch").iterdir()) == []
    lineage = bundle.load(Store(project / "home").find()).document(bundle.LINEAGE)
    assert (lineage["params"]["train"]["draws"], lineage["params"]["ingest"]["eda_report"]) == (10, False)


def test_nothing_is_done_where_there_is_a_champion(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = casa("train", "--quick", "--if-missing")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(("words", "missing"), [([], "dvc.yaml"), (["--quick"], "params.yaml")])
def test_elsewhere_it_tells_where_to_go(words: list[str], missing: str, project: Path) -> None:
    (project / "params.yaml").unlink()
    result = casa("train", *words)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert missing in result.stderr
    assert "the project's folder" in result.stderr


def test_a_stage_that_refuses_is_one_sentence(project: Path) -> None:
    (project / "houses.csv").write_text("RM\n6\n")
    result = casa("train", "--quick")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(f"casa: {project / 'houses.csv'} lacks the columns CRIM, ")
    assert list((project / "scratch").iterdir()) == []


@pytest.fixture
def repro(project: Path) -> Path:
    """The project as a DVC repository; a test writes its stage."""
    subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=project, check=True)
    return project


def stage(project: Path, command: str) -> None:
    (project / "dvc.yaml").write_text(json.dumps({"stages": {"only": {"cmd": command, "always_changed": True}}}))


def test_a_failing_stage_fails_the_training(repro: Path) -> None:
    stage(repro, "echo sorry; exit 3")
    with start("train", folder=repro, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        told, said = process.communicate()
    assert (process.returncode, "sorry" in told) == (1, True)
    assert "casa: `dvc repro` ended with exit code" in said


def test_ctrl_c_ends_the_stage_too(repro: Path) -> None:
    stage(repro, "echo ready $$; exec tail -f /dev/null")
    with start("train", folder=repro, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        pid = next(line for line in process.stdout if line.startswith("ready")).split()[1]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert not Path("/proc", pid).exists()


def test_the_full_run_promotes_what_it_made(repro: Path, registered: Path, shelf: Store, worse: str) -> None:
    stage(repro, "true")
    shutil.copytree(shelf.find(worse), repro / "artifacts" / "bundle")
    (repro / "data").mkdir()
    registered.rename(repro / "data" / "test.csv")
    with start("train", folder=repro, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        told, _ = process.communicate()
    assert process.returncode == 0
    assert told.splitlines()[-1].startswith(f"model {worse} is not the champion: RMSE ")
