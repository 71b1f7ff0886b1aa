"""Models in MLflow's registry: where they come from, and which are `challenger` and `champion`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from casa.errors import SourceUnavailable
from casa.model import bundle
from casa.telemetry import opt_out

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
CHALLENGER = "challenger"
VERSION_TAG = "version"
LOGGED = "models:/"
"""How the address of a model begins that was logged with a run."""
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}
"""MLflow's client blocks for minutes on a refused port unless it is told otherwise."""


def prepare() -> None:
    """What MLflow's client must find in the environment when it is imported."""
    opt_out()
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)


def tracking_uri(project: Path) -> str:
    """MLFLOW_TRACKING_URI, or a SQLite file in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.resolve() / 'mlflow.db'}"


def artifact_root(uri: str) -> str | None:
    """Where runs keep their files: beside a SQLite file; elsewhere the server knows."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()


class Registry:
    """Casa's registered model. MLflow numbers its versions; ours is the tag `version`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @property
    def _client(self) -> MlflowClient:
        prepare()
        from mlflow import MlflowClient

        return MlflowClient(self.uri, self.uri)

    def alias(self, name: str) -> str | None:
        """The version an alias stands for."""
        with answering(self.uri):
            found = self._by_alias(name)
            return found.tags.get(VERSION_TAG) if found else None

    def has(self, version: str) -> bool:
        """Is this version registered?"""
        with answering(self.uri):
            return self._by_version(version) is not None

    def register(self, version: str, *, source: str, run_id: str, tags: Mapping[str, str]) -> None:
        """Register a logged model as `version` and make it the challenger."""
        with answering(self.uri):
            client = self._client
            if not any(model.name == bundle.NAME for model in client.search_registered_models()):
                client.create_registered_model(bundle.NAME, description="Prices of houses, with intervals.")
            # A server takes a logged model as a source only if its id is told, too.
            model = source.removeprefix(LOGGED) if source.startswith(LOGGED) else None
            tags = {**tags, VERSION_TAG: version}
            made = client.create_model_version(bundle.NAME, source, run_id=run_id, tags=tags, model_id=model)
            client.set_registered_model_alias(bundle.NAME, CHALLENGER, made.version)

    def name(self, alias: str, version: str, *, reason: str) -> None:
        """Give an alias to a registered version and note why."""
        with answering(self.uri):
            found = self._by_version(version)
            if found is None:
                raise SourceUnavailable(f"MLflow has no model {version}; `dvc repro` registers it")
            self._client.set_model_version_tag(bundle.NAME, found.version, f"{alias}_reason", reason)
            self._client.set_registered_model_alias(bundle.NAME, alias, found.version)

    def _by_version(self, version: str) -> ModelVersion | None:
        query = f"name = '{bundle.NAME}' and tags.`{VERSION_TAG}` = '{version}'"
        return next(iter(self._client.search_model_versions(query)), None)

    def _by_alias(self, name: str) -> ModelVersion | None:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_model_version_by_alias(bundle.NAME, name)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """MLflow's own failures as one sentence."""
    prepare()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        place = urlsplit(uri).netloc.rpartition("@")[2] or uri
        sentence = f"MLflow at {place} does not answer as it should; see MLFLOW_TRACKING_URI"
        raise SourceUnavailable(sentence) from error
