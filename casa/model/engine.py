"""Two engines for the same trees. ONNX Runtime is fast for few rows, XGBoost for many.

Both give the same bits: the leaves lie on a grid on which float32 sums are exact (`pipeline.boosting`),
so the order in which an engine adds them changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from casa.model.preprocessor import Matrix
from casa.telemetry import opt_out

if TYPE_CHECKING:
    from xgboost import Booster


class Engine(Protocol):
    """Trees that turn rows (n, terms) into margins (n, boosters)."""

    def margins(self, rows: Matrix) -> Matrix:
        """Margins (n, boosters), one column a booster."""
        ...


class OnnxEngine:
    """All boosters as one graph in ONNX Runtime, on the calling thread."""

    def __init__(self, graph: bytes) -> None:
        opt_out()
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def margins(self, rows: Matrix) -> Matrix:
        return np.asarray(self._session.run(None, {"rows": rows})[0])


class BoosterEngine:
    """XGBoost's own predictor, one thread."""

    def __init__(self, boosters: Sequence[bytes]) -> None:
        import xgboost as xgb  # a third of a worker's start

        self.boosters = [_load(xgb.Booster({"nthread": 1}), saved) for saved in boosters]

    def margins(self, rows: Matrix) -> Matrix:
        margins = [booster.inplace_predict(rows, predict_type="margin") for booster in self.boosters]
        return np.column_stack(margins).astype(np.float32, copy=False)


def _load(booster: Booster, saved: bytes) -> Booster:
    booster.load_model(bytearray(saved))
    booster.set_param({"nthread": 1})
    return booster
