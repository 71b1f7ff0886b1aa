"""A retraining on a cluster: the champion is what is served, wherever it was killed.

The cluster is the small API, the pods are the real service. Training is left to tests/integration: here the pipeline
has made a model already, and only registers it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from os import getpid, kill
from pathlib import Path
from signal import SIGKILL

import numpy as np
import pytest
from pandas import DataFrame

from casa.errors import LockTaken, SourceUnavailable
from casa.house import HOUSE
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.registry import CHALLENGER, CHAMPION, Registry
from casa.model.store import Store
from casa.rollout.diary import Diary
from casa.rollout.opening import Place
from casa.rollout.site import ClusterSite
from casa.settings import Settings
from pipeline import register
from pipeline.params import load_params
from pipeline.retrain import Outcome, Retraining
from pipeline.site import MachineSite, alone
from pipeline.table import write_table
from pipeline.train import Rows
from pipeline.workspace import Workspace
from tests.cli.shell import ROOT
from tests.rollout.api import Api
from tests.rollout.conftest import Desk
from tests.rollout.test_release import killed

Tell = Callable[[str], None]

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow warns of its own code while it logs a model


@pytest.fixture
def store(store_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """This run's store: empty, as in a new pod."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return Store(tmp_path / "bentoml")


@pytest.fixture
def worse(bundle_files: dict[str, bytes], store: Store, tmp_path: Path) -> str:
    """A model that is a good deal worse, in the store."""
    model = json.loads(bundle_files[bundle.MODEL])
    for member in model["ensemble"]["members"]:
        member["center"] *= 1.1
    bundle.write(tmp_path / "worse", {**bundle_files, bundle.MODEL: json.dumps(model).encode()})
    return store.save(tmp_path / "worse")


class Deadly(Registry):
    """A registry whose process dies of SIGKILL before it names a champion."""

    def name(self, alias: str, version: str, *, reason: str) -> None:
        if alias == CHAMPION:
            kill(getpid(), SIGKILL)
        super().name(alias, version, reason=reason)


class Run:
    """Retrainings of one cluster, each with the model that the pipeline has made."""

    def __init__(self, desk: Desk, store: Store, folder: Path, table: Rows) -> None:
        self.desk = desk
        self.store = store
        self.folder = folder
        self.models = Registry(os.environ["MLFLOW_TRACKING_URI"])
        self._table = DataFrame(np.column_stack(table), columns=list(HOUSE.columns))[::3]

    def __call__(self, made: Path, *, tell: Tell = lambda _: None, models: Registry | None = None) -> Outcome:
        models = models or self.models
        with self.desk.lock.held():
            return self._retraining(made, tell=tell, models=models).run()

    def _retraining(self, made: Path, *, tell: Tell, models: Registry) -> Retraining:
        settings = Settings(data_dir=self.folder, watch_seconds=1.0)
        desk, diary = self.desk, Diary(self.desk.engine, self.desk.cluster, actor="test")
        place = Place(desk.cluster, "casa", desk.lock, desk.release(tell=tell), diary, desk.dial)
        site = ClusterSite(place, store=self.store, settings=settings, models=models, tell=tell)
        workspace = Workspace(self.folder / "workspace", ROOT, changes=[])
        pipeline = self._pipeline(made, tell)
        return Retraining(settings, site, workspace, ROOT, desk.engine, self.store, models, repro=pipeline, tell=tell)

    def _pipeline(self, made: Path, tell: Tell) -> Callable[[Path], None]:
        def repro(workspace: Path) -> None:
            shutil.copytree(made, workspace / "artifacts/bundle")
            write_table(self._table, workspace / "data/test.csv")
            register.run(load_params(workspace / "params.yaml"), workspace)
            tell("the pipeline has ended")

        return repro


@pytest.fixture
def run(api: Api, desk: Desk, worse: str, store: Store, tmp_path: Path, table: Rows) -> Run:
    """Retrainings where the worse model is served."""
    api.deployment["spec"]["template"]["metadata"]["annotations"]["casa/model-version"] = worse
    api.reconcile()
    return Run(desk, store, tmp_path, table)


def agree(api: Api, run: Run, version: str) -> None:
    """The Deployment and the alias name this version, and nothing is half done."""
    assert (api.version, run.models.alias(CHAMPION)) == (version, version)
    assert api.state["phase"] in ("held", "undone")


def test_a_better_model_is_served_and_then_champion(api: Api, run: Run, bundle_folder: Path, saved: Bundle) -> None:
    outcome = run(bundle_folder)
    assert (outcome.result, outcome.version) == ("promoted", saved.version)
    agree(api, run, saved.version)
    assert "| dearest third |" in outcome.report


def test_a_worse_model_is_challenger_and_not_served(
    api: Api, run: Run, bundle_folder: Path, tmp_path: Path, worse: str, saved: Bundle
) -> None:
    run(bundle_folder)
    generation = api.deployment["metadata"]["generation"]
    outcome = run(tmp_path / "worse")
    assert (outcome.result, run.models.alias(CHALLENGER)) == ("kept", worse)
    assert api.deployment["metadata"]["generation"] == generation
    agree(api, run, saved.version)


def test_the_same_model_changes_nothing(api: Api, run: Run, bundle_folder: Path, saved: Bundle) -> None:
    run(bundle_folder)
    assert run(bundle_folder).result == "unchanged"
    agree(api, run, saved.version)


def test_a_better_model_that_does_not_hold_leaves_the_champion(
    api: Api, run: Run, bundle_folder: Path, worse: str, spoilt: Bundle
) -> None:
    run.desk.saved = spoilt
    outcome = run(bundle_folder)
    assert outcome.result == "undone"
    assert "a golden price is off" in outcome.reason
    agree(api, run, worse)


def test_what_was_taken_back_is_not_tried_again_by_itself(
    api: Api, run: Run, bundle_folder: Path, worse: str, spoilt: Bundle
) -> None:
    run.desk.saved = spoilt
    run(bundle_folder)
    outcome = run(bundle_folder)
    assert outcome.result == "kept"
    assert "it was taken back before" in outcome.reason
    agree(api, run, worse)


def test_the_alias_follows_what_was_undone_by_hand(
    api: Api, run: Run, bundle_folder: Path, worse: str, spoilt: Bundle
) -> None:
    run(bundle_folder)
    run.desk.undo()
    assert api.version == worse
    run.desk.saved = spoilt
    run(bundle_folder)
    agree(api, run, worse)


STEPS = ["settling", "fetching", "running", "the pipeline has ended", "comparing", "pods are new", "calls failed"]


@pytest.mark.parametrize("at", STEPS)
def test_killed_at_any_step_the_next_run_brings_it_to_its_end(
    api: Api, run: Run, bundle_folder: Path, saved: Bundle, at: str
) -> None:
    killed(lambda tell: (run(bundle_folder, tell=tell), None)[1], at)
    assert run(bundle_folder).result in ("promoted", "unchanged")
    agree(api, run, saved.version)


def test_killed_before_the_alias_moved_it_moves_with_the_next_run(
    api: Api, run: Run, bundle_folder: Path, tmp_path: Path, worse: str, saved: Bundle
) -> None:
    run(tmp_path / "worse")  # so that the next alias to move is the new model's
    killed(lambda _: (run(bundle_folder, models=Deadly(run.models.uri)), None)[1], "never said")
    assert (api.version, api.state["phase"], run.models.alias(CHAMPION)) == (saved.version, "held", worse)
    run(bundle_folder)
    agree(api, run, saved.version)


def test_without_a_cluster_a_better_model_is_champion(run: Run, store: Store, worse: str, bundle_folder: Path) -> None:
    store.crown(worse)
    retraining = run._retraining(bundle_folder, tell=lambda _: None, models=run.models)
    here = Retraining(**{**vars(retraining), "site": MachineSite(store, run.models)})
    outcome = here.run()
    assert outcome.result == "promoted"
    assert run.models.alias(CHAMPION) == store.champion == outcome.version


def test_without_a_cluster_an_images_own_model_is_to_be_beaten(
    run: Run, store: Store, worse: str, bundle_folder: Path, saved: Bundle, tmp_path: Path
) -> None:
    image = Store(tmp_path / "image")
    image.save(bundle_folder)
    site = MachineSite(store, run.models, image=image)
    retraining = run._retraining(store.find(worse), tell=lambda _: None, models=run.models)
    outcome = Retraining(**{**vars(retraining), "site": site}).run()
    assert (outcome.result, store.champion, run.models.alias(CHAMPION)) == ("kept", saved.version, saved.version)


def test_a_second_retraining_on_this_machine_leaves(tmp_path: Path) -> None:

    with alone(tmp_path), pytest.raises(LockTaken, match="another process on this machine"), alone(tmp_path):
        pass


def test_an_mlflow_that_is_away_is_one_sentence(run: Run, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = "http://127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
    with pytest.raises(SourceUnavailable, match="MLflow at 127.0.0.1:9 does not answer"):
        run(bundle_folder, models=Registry(away))
