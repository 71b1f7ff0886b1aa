"""Several boosters as one XGBoost model: each becomes a class of it, so that one call answers for all.

A call of XGBoost's predictor costs 150 µs before it looks at a tree. The margins are the same bits, and the SHAP
values the same numbers, as those of the boosters one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgboost import Booster

Document = dict[str, Any]  # a model in XGBoost's JSON


def join(boosters: Sequence[Booster]) -> Booster:
    """Boosters of one target each as a model that gives margins (n, boosters) and SHAP (n, boosters, terms + 1).

    XGBoost's JSON model format: `tree_info` says to which class a tree belongs.
    """
    documents = [json.loads(booster.save_raw("json")) for booster in boosters]
    return load(json.dumps(_join(documents)).encode())


def _join(documents: Sequence[Document]) -> Document:
    learner = documents[0]["learner"]
    model = learner["gradient_booster"]["model"]
    forests = [document["learner"]["gradient_booster"]["model"]["trees"] for document in documents]
    trees = [{**tree, "id": place} for place, tree in enumerate(tree for forest in forests for tree in forest)]
    model["tree_info"] = [place for place, forest in enumerate(forests) for _ in forest]
    model["trees"], model["iteration_indptr"] = trees, [0, len(trees)] if trees else [0]
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    bases = [document["learner"]["learner_model_param"]["base_score"].strip("[]") for document in documents]
    classes = str(len(documents))
    learner["learner_model_param"] |= {"num_class": classes, "base_score": f"[{','.join(bases)}]"}
    learner["objective"] = {"name": "multi:softprob", "softmax_multiclass_param": {"num_class": classes}}
    return documents[0]


def load(saved: bytes) -> Booster:
    """A saved booster, to be used by one thread."""
    import xgboost as xgb  # a third of a worker's start

    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(saved))
    booster.set_param({"nthread": 1})
    return booster
