"""Casa's settings: one frozen class, read once from CASA_* variables when a service is made."""

from __future__ import annotations

import ast
import difflib
import inspect
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from casa.errors import InvalidSettings

Port = Annotated[int, Field(ge=1, le=65535)]
Promise = Literal["buffered", "durable", "off"]
Version = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A name in Kubernetes (RFC 1123)."""

PREFIX = "CASA_"
OUTSIDE = frozenset({"CASA_API_KEY", "CASA_TEST_ALL"})
"""Names of the CASA_ family that are not the service's: the client's and the test run's."""


def data_folder() -> Path:
    """The user's folder for Casa's data, by the XDG base directory rules."""
    home = os.environ.get("XDG_DATA_HOME", "")
    if Path(home).is_absolute():
        return Path(home) / "casa"
    try:
        return Path.home() / ".local" / "share" / "casa"
    except RuntimeError as error:
        raise InvalidSettings("this user has no home folder; set CASA_DATA_DIR") from error


class Settings(BaseSettings):
    """What an operator may choose. A field's sentence is its documentation."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    http_port: Port = 3000
    """The port of the HTTP interface."""

    grpc_port: Port = 3001
    """The port of the gRPC interface; a start that finds it taken is refused."""

    model_version: Annotated[Version | None, BeforeValidator(lambda text: text or None)] = None
    """The model to serve, as twelve hex digits; if it is empty or not given, the Bento's own or else the champion."""

    baked_home: Path | None = None
    """The folder whose `models` an image brings along, laid out as BENTOML_HOME is and never written to; the image sets
    it."""

    max_rows: PositiveInt = 1_000
    """Most houses one batch call may hold; more answer 413."""

    max_house_bytes: PositiveInt = 64 * 1024
    """Largest body, in bytes, of a call about one house; more answers 413."""

    max_batch_bytes: PositiveInt = 4 * 1024 * 1024
    """Largest body, in bytes, of a batch call; more answers 413."""

    body_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long a body may take to arrive; a slower one answers 408."""

    head_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long the head of a request may take to arrive, and an answer to be taken; a slower head answers 408."""

    max_connections: PositiveInt = 1_000
    """Most connections at once over HTTP; one more answers 503. Two open files are needed for each."""

    queue_seconds: Annotated[float, Field(gt=0, le=600)] = 2.0
    """How long a batch or an explanation may have to wait for its turn; one that would wait longer answers 503."""

    hot_path: bool = True
    """Answer predictions before BentoML's own machinery; the answers are the same without it, only slower."""

    data_dir: Path = Field(default_factory=data_folder)
    """Folder of what Casa keeps on this machine: its database, and the pepper and key of a loopback start."""

    database_url: SecretStr | None = None
    """The database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; `casa.db` in the data folder if unset."""

    secrets_dir: Path | None = None
    """Folder of files that each hold a setting and are named as it is, such as `casa_key_pepper` in Docker's
    `/run/secrets`; a variable of the same name wins."""

    report_file: Path = Path("reports/eda.html")
    """The report about the table of houses that `/data` shows, made by the pipeline; the page does without it."""

    keys_file: Path | None = None
    """JSON file the API keys are read from, such as a mounted Kubernetes Secret; the database if it is not given."""

    key_pepper: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Mixed into every key digest. On loopback one is made and kept; any other start needs it."""

    journal: Promise = "buffered"
    """What is kept of predictions: `buffered` may lose the last half second in a crash, `durable` answers only what is
    on disk, `off` keeps no house and takes no feedback."""

    journal_days: PositiveInt = 30
    """How many days a prediction is kept."""

    open_monitoring: bool = True
    """Answer `/metrics` and `/drift` without a key; if not, they need one with the scope `monitor`."""

    redis_url: SecretStr | None = None
    """Redis that replicas share their quotas through; each replica counts for itself if it is not given."""

    deployment: Label = "casa"
    """The Deployment that `casa rollout` and `casa retrain` change; its release's name."""

    namespace: Label | None = None
    """The namespace of that Deployment; the pod's own, or the kubeconfig's, if it is not given."""

    watch_seconds: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    """How long `casa rollout to` watches the pods of a new model before it holds."""

    watch_calls: PositiveInt = 200
    """How many calls it looks at, at least; where callers make fewer, it asks for golden predictions itself."""

    retrain_feedback_days: Annotated[int, Field(ge=0, le=3650)] = 90
    """How old the feedback may be that `casa retrain` learns from, in days; 0 leaves all of it out."""

    retrain_client_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The most rows that one client's feedback may add to the training table and to the held-out rows, as a share."""


def sentences() -> dict[str, str]:
    """What each setting means, by its field: the text below it. pydantic would read it at every start, in 20 ms."""
    (declared,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(declared, ast.ClassDef), "it is the class above"
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and its secrets; InvalidSettings names one that is misspelt or out of range."""
    names = os.environ if environ is None else environ
    folder = names.get("CASA_SECRETS_DIR") or None
    known = {PREFIX + field.upper() for field in Settings.model_fields} | OUTSIDE
    for name in sorted([*names, *_secrets(folder)]):
        if name.startswith(PREFIX) and name not in known:
            raise InvalidSettings(_unknown(name, known))
    try:
        return Settings(_secrets_dir=folder)
    except ValidationError as error:
        raise InvalidSettings(_wrong(error)) from error
    except OSError as error:
        raise InvalidSettings(f"the secret {error.filename} cannot be read: {error.strerror}") from error


def _secrets(folder: str | None) -> list[str]:
    """The settings that the folder's files are named after."""
    try:
        return [path.name.upper() for path in Path(folder).iterdir()] if folder else []
    except OSError as error:
        raise InvalidSettings(f"CASA_SECRETS_DIR cannot be read: {folder}: {error.strerror}") from error


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is no setting of Casa" + (f"; did you mean {near[0]}?" if near else "; `casa doctor` lists them")


def _wrong(error: ValidationError) -> str:
    flaw = error.errors(include_input=False)[0]
    return f"{PREFIX}{str(flaw['loc'][0]).upper()} cannot be used: {flaw['msg'].lower()}"
