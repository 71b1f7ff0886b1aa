"""What an experiment leaves behind: a fitted recipe as plain files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xgboost as xgb

from casa.house import Array
from casa.model.ensemble import Member
from casa.model.preprocessor import Preprocessor
from pipeline.recipe import Recipe
from pipeline.table import write_file

SUMMARY = "candidate.json"


@dataclass(frozen=True)
class Candidate:
    """One experiment's model and how it came about."""

    name: str
    params: Mapping[str, Any]
    """The recipe's parameters: `Recipe(**params)` learns it again."""
    cv_rmse: float
    preprocessor: Preprocessor
    members: tuple[Member, ...]
    boosters: tuple[xgb.Booster, ...]

    def predict(self, houses: Array) -> Array:
        """Prices (n,) of houses (n, features)."""
        rows = self.preprocessor.transform(houses)
        margins = [booster.inplace_predict(rows, predict_type="margin") for booster in self.boosters]
        responses = [m.weight * m.respond(margin) for m, margin in zip(self.members, margins, strict=True)]
        return np.asarray(np.sum(responses, axis=0))

    @classmethod
    def of(cls, name: str, recipe: Recipe, *, params: Mapping[str, Any], cv_rmse: float) -> Candidate:
        """The candidate that a fitted recipe is."""
        return cls(name, params, cv_rmse, recipe.preprocessor_, tuple(recipe.members_), tuple(recipe.boosters_))

    def save(self, folder: Path) -> None:
        """Write the candidate's files into `folder`."""
        for member, booster in zip(self.members, self.boosters, strict=True):
            write_file(bytes(booster.save_raw("ubj")), folder / member.file)
        summary = {
            "name": self.name,
            "params": dict(self.params),
            "cv_rmse": self.cv_rmse,
            "preprocessor": self.preprocessor.to_dict(),
            "members": [asdict(member) for member in self.members],
        }
        write_file(orjson.dumps(summary, option=orjson.OPT_INDENT_2), folder / SUMMARY)

    @classmethod
    def load(cls, folder: Path) -> Candidate:
        """What `save` wrote."""
        summary = orjson.loads((folder / SUMMARY).read_bytes())
        members = tuple(Member(**member) for member in summary["members"])
        return cls(
            name=summary["name"],
            params=summary["params"],
            cv_rmse=summary["cv_rmse"],
            preprocessor=Preprocessor.from_dict(summary["preprocessor"]),
            members=members,
            boosters=tuple(_load(folder / member.file) for member in members),
        )


def _load(path: Path) -> xgb.Booster:
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(path)
    booster.set_param({"nthread": 1})
    return booster
