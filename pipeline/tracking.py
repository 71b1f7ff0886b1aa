"""MLflow runs: one a training, one nested in it for each experiment. The one module here that knows MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pandas import DataFrame

from casa.house import HOUSE
from casa.model.ensemble import Prices
from casa.model.registry import artifact_root, prepare, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.models import ModelSignature

EXPERIMENT = "casa"


def connect(project: Path) -> str:
    """Point MLflow at the project's tracking store; returns its URI."""
    mlflow = _mlflow()
    uri = tracking_uri(project)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=artifact_root(uri))
    mlflow.set_experiment(EXPERIMENT)
    return uri


@contextmanager
def training(params: Mapping[str, object]) -> Iterator[Run]:
    """The run that holds one training's experiments."""
    with _mlflow().start_run(run_name="training") as run:
        _mlflow().log_params(dict(params))
        yield run


@contextmanager
def experiment(name: str) -> Iterator[Run]:
    """An experiment's run, nested in the training's, with autologging of what is fitted in it."""
    mlflow = _mlflow()
    # Models are never autologged: that would write pickles.
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        with mlflow.start_run(run_name=name, nested=True) as run:
            yield run
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)


@contextmanager
def reopened(run_id: str | None, name: str) -> Iterator[Run]:
    """An earlier run again, or a new one where the store has forgotten it."""
    known = run_id if run_id and _exists(run_id) else None
    with _mlflow().start_run(run_id=known, run_name=None if known else name) as run:
        yield run


def log_metrics(metrics: Mapping[str, float]) -> None:
    """Figures of the current run."""
    _mlflow().log_metrics(dict(metrics))


def log_files(files: Mapping[str, bytes], *, folder: str | None = None) -> None:
    """Files of the current run, by name."""
    with tempfile.TemporaryDirectory() as place:
        for name, content in files.items():
            path = Path(place) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _mlflow().log_artifacts(place, artifact_path=folder)


def log_bundle(folder: Path, *, version: str) -> str:
    """The bundle's plain files as the current run's model, with signature and example; returns the model's URI."""
    info = _mlflow().pyfunc.log_model(
        name="bundle",
        loader_module="casa.model.flavor",
        data_path=str(folder),
        signature=signature(),
        input_example=DataFrame([HOUSE.example]).astype(np.float64),
        pip_requirements=["casa"],
        metadata={"version": version},
    )
    return str(info.model_uri)


def signature() -> ModelSignature:
    """What the registered model takes and gives, from the declaration."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema, TensorSpec

    houses: list[ColSpec | TensorSpec] = [
        ColSpec("double", feature.name, required=not feature.optional) for feature in HOUSE.features
    ]
    return ModelSignature(Schema(houses), Schema([ColSpec("double", name) for name in Prices._fields]))


def _exists(run_id: str) -> bool:
    mlflow = _mlflow()
    try:
        return bool(mlflow.get_run(run_id))
    except mlflow.MlflowException:
        return False


def _mlflow() -> Any:  # the module, imported once its environment is as it should be
    prepare()
    import mlflow

    return mlflow
