"""A copy of the project to run its pipeline in: the project itself may be read-only, and its own results stay."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pandas import DataFrame

import casa
from casa.errors import InvalidSettings, NotFound
from pipeline.params import Params, load_params
from pipeline.table import write_file, write_table

CODE = ("casa", "pipeline")
FILES = ("dvc.yaml", ".dvcignore")
KNOBS = "params.yaml"
TABLE = "table.csv"


def find_project() -> Path:
    """This folder, if it is the project's, else the one that Casa runs from; NotFound if neither is."""
    for folder in (Path.cwd(), Path(casa.__file__).resolve().parent.parent):
        if (folder / "dvc.yaml").is_file() and (folder / KNOBS).is_file():
            return folder
    raise NotFound("there is no dvc.yaml here: run this in the project's folder")


class Workspace:
    """The pipeline with knobs and a table of its own, in a folder that is made anew."""

    def __init__(self, folder: Path, project: Path, *, changes: Sequence[str]) -> None:
        self.folder = folder
        self._project = project
        knobs = yaml.safe_load((project / KNOBS).read_bytes())
        knobs["ingest"]["eda_report"] = False  # it is about the data, takes half a minute, and nobody looks at it here
        self._write(folder, _changed(knobs, changes))

    @property
    def params(self) -> Params:
        """The knobs in force."""
        return load_params(self.folder / KNOBS)

    def give(self, table: DataFrame) -> None:
        """Let the pipeline learn from this table instead of what its knobs name."""
        write_table(table, self.folder / TABLE)
        knobs = yaml.safe_load((self.folder / KNOBS).read_bytes())
        knobs["ingest"] |= {"source": "csv", "path": TABLE}
        write_file(yaml.safe_dump(knobs, sort_keys=False).encode(), self.folder / KNOBS)

    def _write(self, folder: Path, knobs: Mapping[str, Any]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in CODE:
            shutil.copytree(self._project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copyfile(self._project / name, folder / name)
        if (self._project / ".revision").is_file():
            shutil.copyfile(self._project / ".revision", folder / ".revision")
        write_file(yaml.safe_dump(knobs, sort_keys=False).encode(), folder / KNOBS)


def _changed(knobs: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The knobs with changes such as `train.draws=10`; the pipeline itself says which it does not know."""
    for change in changes:
        name, equals, value = change.partition("=")
        section, dot, knob = name.partition(".")
        if not (equals and dot and isinstance(knobs.get(section), dict)):
            raise InvalidSettings(f"{change!r} changes nothing: write section.knob=value, as in train.draws=10")
        try:
            knobs[section][knob] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InvalidSettings(f"{change!r} is not YAML after the equals sign") from error
    return knobs
