"""`casa train`: a new model by the pipeline, and the champion if it is better."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casa.cli import console
from casa.cli.repro import dvc
from casa.errors import CasaError, NotFound

if TYPE_CHECKING:
    from casa.model.promotion import Decision
    from pipeline.params import Params

STAGES = ("ingest", "validate", "prepare", "train", "evaluate", "register")
QUICK = {"draws": 10}


def train(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="10 draws and no EDA report: about a minute.")] = False,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Do nothing if there is a champion.")] = False,
) -> None:
    """Train a model with the pipeline's settings in params.yaml, and promote it if it is better.

    Run it in the project's folder. Without --quick it is `dvc repro`, which repeats only what has changed.

    Example: casa train --quick
    """
    if if_missing and _has_champion():
        return
    with console.hushed():
        version, decision = _train_quickly(Path.cwd()) if quick else _train_fully(Path.cwd())
    console.answer(f"model {version} is {'' if decision.promoted else 'not '}the champion: {decision.reason}")


def _has_champion() -> bool:
    from casa.model.store import open_store

    try:
        return open_store().find().is_dir()
    except NotFound:
        return False


def _train_fully(project: Path) -> tuple[str, Decision]:
    """`dvc repro`, as a user would run it."""
    if not (project / "dvc.yaml").is_file():
        raise CasaError("there is no dvc.yaml here: run `casa train` in the project's folder")
    dvc("repro", folder=project)
    return _promote(project, project=project)


def _train_quickly(project: Path) -> tuple[str, Decision]:
    """The stages in this process and in a folder of their own, so that the full run's results stay."""
    from casa.model.registry import tracking_uri

    params = _quick_params(project)
    os.environ["MLFLOW_TRACKING_URI"] = tracking_uri(project)  # the folder of this run is soon gone
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    with tempfile.TemporaryDirectory(prefix="casa-train-") as place:
        for at, name in enumerate(STAGES, start=1):
            with _told(f"{at}/{len(STAGES)} {name}"):
                _stage(name).run(params, Path(place))
        return _promote(Path(place), project=project)


def _quick_params(project: Path) -> Params:
    load_params = _stage("params").load_params
    params: Params = load_params(project / "params.yaml")
    ingest = {"eda_report": False, "path": _absolute(params.ingest.path, project)}
    changes = {"ingest": params.ingest.model_copy(update=ingest), "train": params.train.model_copy(update=QUICK)}
    return params.model_copy(update=changes)


def _absolute(path: str | None, project: Path) -> str | None:
    return path if path is None or "://" in path else str(project / path)


def _stage(name: str) -> Any:  # a module of the pipeline, each with its own functions
    return import_module(f"pipeline.{name}")


@contextmanager
def _told(stage: str) -> Iterator[None]:
    began = time.monotonic()
    console.say(stage)
    yield
    console.say(f"{stage}: done in {time.monotonic() - began:.1f} s")


def _promote(place: Path, *, project: Path) -> tuple[str, Decision]:
    """The version of the bundle made in `place`, and what comes of its comparison with the champion."""
    from casa.model import bundle
    from casa.model.promotion import promote
    from casa.model.registry import Registry, tracking_uri
    from casa.model.store import open_store

    with console.working("comparing it with the champion"):
        version = bundle.load(place / "artifacts/bundle").version
        houses, prices = _stage("train").read_rows(place / "data/test.csv")
        models = Registry(tracking_uri(project))
        return version, promote(version, houses=houses, prices=prices, store=open_store(), models=models)
