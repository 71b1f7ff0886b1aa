"""The pipeline's knobs: params.yaml as frozen classes, one a stage."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from casa.errors import InvalidSettings

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=20)]
Repeats = Annotated[int, Field(ge=1, le=100)]
Share = Annotated[float, Field(gt=0, lt=1)]

REMEDIES = {"missing": "is missing", "model_type": "must be a section with its own knobs"}
"""Where pydantic's own words would name a class instead of what to do."""


class Knobs(BaseModel):
    """A section of params.yaml: no unknown names, no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Ingest(Knobs):
    """Where the table comes from."""

    source: Literal["bundled", "kaggle", "csv"]
    path: Annotated[str, Field(min_length=1)] | None
    eda_report: bool

    @model_validator(mode="after")
    def _locate(self) -> Self:
        if self.source == "csv" and self.path is None:
            raise ValueError("source is csv, so path must name a file or an http(s) address")
        return self


class Validate(Knobs):
    """How much of a table may be wrong."""

    max_bad_share: Annotated[float, Field(ge=0, le=1)]


class Prepare(Knobs):
    """How the table is split."""

    test_share: Share
    seed: Seed


class Train(Knobs):
    """How hard the experiments search, and how the winner is chosen."""

    draws: Annotated[int, Field(ge=1, le=10_000)]
    search_folds: Folds
    folds: Folds
    repeats: Repeats
    seed: Seed
    workers: Annotated[int, Field(ge=1, le=256)]


class Evaluate(Knobs):
    """How the winner is measured."""

    coverage: Share
    repeats: Repeats
    bootstraps: Annotated[int, Field(ge=1, le=1_000_000)]
    bins: Annotated[int, Field(ge=2, le=100)]
    seed: Seed


class Params(Knobs):
    """All knobs of the pipeline."""

    model_config = ConfigDict(serialize_by_alias=True)

    ingest: Ingest
    validation: Annotated[Validate, Field(alias="validate")]  # a field named validate would hide pydantic's own
    prepare: Prepare
    train: Train
    evaluate: Evaluate


def load_params(path: Path = Path("params.yaml")) -> Params:
    """The knobs in a file; InvalidSettings names one that is misspelt, missing or out of its range."""
    try:
        return Params.model_validate(yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise InvalidSettings(f"{path} cannot be read ({error.strerror}): run from the project's folder") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidSettings(f"{path} is not YAML{_place(error)}") from error
    except ValidationError as error:
        # A misspelt knob is also a missing one: the misspelling says more.
        flaws = sorted(error.errors(include_input=False), key=lambda flaw: flaw["type"] != "extra_forbidden")
        raise InvalidSettings(f"{path}: {_wrong(flaws[0])}") from error


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": look at line {mark.line + 1}" if mark else ""


def _wrong(flaw: ErrorDetails) -> str:
    if not flaw["loc"]:
        return f"the file must hold the sections {', '.join(_sections())}"
    knob = ".".join(map(str, flaw["loc"]))
    if flaw["type"] == "extra_forbidden":
        return _unknown(knob)
    message = REMEDIES.get(flaw["type"]) or flaw["msg"].removeprefix("Value error, ")
    return f"{knob} {message}" if flaw["type"] in REMEDIES else f"{knob} cannot be used: {message}"


def _unknown(knob: str) -> str:
    near = difflib.get_close_matches(knob, [*_sections(), *_known()], n=1)
    return f"{knob} is no knob of the pipeline" + (f"; did you mean {near[0]}?" if near else "")


def _known() -> list[str]:
    return [f"{section}.{knob}" for section, knobs in _sections().items() for knob in knobs.model_fields]


def _sections() -> dict[str, type[Knobs]]:
    return {
        field.alias or name: field.annotation
        for name, field in Params.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Knobs)
    }
