"""Boosters whose sums are exact: XGBoost's trees, their leaves moved to a grid, and their twin in ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import xgboost as xgb
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.xgboost import convert as convert_xgboost

from casa.house import Array
from casa.model.preprocessor import Matrix

MANTISSA_BITS = 23
OPSET = 15
IR_VERSION = 8


def boost(rows: Matrix, target: Array, *, params: Mapping[str, Any], rounds: int) -> xgb.Booster:
    """A booster for a target centred on zero; one thread, so the same rows give the same bytes."""
    fixed = {"objective": "reg:squarederror", "base_score": 0.0, "nthread": 1, "tree_method": "hist"}
    data = xgb.DMatrix(rows, label=target, nthread=1)
    return on_grid(xgb.train({**params, **fixed}, data, num_boost_round=rounds))


def on_grid(booster: xgb.Booster) -> xgb.Booster:
    """The booster with each leaf moved to the nearest point of a grid on which float32 sums are exact.

    Every partial sum of one leaf a tree stays below 2^23 grid steps, so it is a float32 without rounding:
    every engine, batch size and order of addition gives the same bits. The grid is finer than the
    noise of training by far (about 1e-6 of the largest sum).
    """
    saved = json.loads(booster.save_raw("json"))
    trees = saved["learner"]["gradient_booster"]["model"]["trees"]
    leaves = [np.flatnonzero(np.asarray(tree["left_children"]) == -1) for tree in trees]
    values = [np.asarray(tree["split_conditions"], dtype=np.float64) for tree in trees]
    largest = sum(float(np.abs(value[leaf]).max()) for value, leaf in zip(values, leaves, strict=True))
    step = 2.0 ** (np.ceil(np.log2(max(largest, 1e-30))) + 1 - MANTISSA_BITS)
    for tree, value, leaf in zip(trees, values, leaves, strict=True):
        value[leaf] = np.round(value[leaf] / step) * step
        tree["split_conditions"] = value.tolist()
    moved = xgb.Booster({"nthread": 1})
    moved.load_model(bytearray(json.dumps(saved).encode()))
    return moved


def onnx_graph(boosters: Sequence[xgb.Booster]) -> bytes:
    """One ONNX graph for all boosters: rows (n, terms) float32 to margins (n, boosters) float32.

    onnxmltools converts each booster; here its node joins the others' behind one input and one output.
    """
    names = [f"margin_{index}" for index in range(len(boosters))]
    nodes = [_tree_node(booster, output=name) for booster, name in zip(boosters, names, strict=True)]
    nodes.append(onnx.helper.make_node("Concat", names, ["margins"], axis=1))
    width = boosters[0].num_features()
    rows = onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, width])
    margins = onnx.helper.make_tensor_value_info("margins", onnx.TensorProto.FLOAT, [None, len(boosters)])
    opsets = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("ai.onnx.ml", 1)]
    graph = onnx.helper.make_graph(nodes, "casa", [rows], [margins])
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _tree_node(booster: xgb.Booster, *, output: str) -> onnx.NodeProto:
    """The converted booster's TreeEnsembleRegressor, with its output renamed."""
    inputs = [("rows", FloatTensorType([None, booster.num_features()]))]
    graph = convert_xgboost(booster, initial_types=inputs, target_opset=OPSET).graph
    node: onnx.NodeProto
    (node,) = [node for node in graph.node if node.op_type == "TreeEnsembleRegressor"]
    node.input[:], node.output[:], node.name = ["rows"], [output], output
    return node
