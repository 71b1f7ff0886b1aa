"""Two engines for the same trees. ONNX Runtime is fast for few rows, XGBoost for many.

Both give the same bits: the leaves lie on a grid on which float32 sums are exact (`pipeline.boosting`),
so the order in which an engine adds them changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from casa.model.forest import join, load
from casa.model.preprocessor import Matrix
from casa.telemetry import opt_out


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
        self.forest = join([load(saved) for saved in boosters])

    def margins(self, rows: Matrix) -> Matrix:
        margins = self.forest.inplace_predict(rows, predict_type="margin")
        return np.asarray(margins, dtype=np.float32).reshape(len(rows), -1)
