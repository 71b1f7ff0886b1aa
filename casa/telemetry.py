"""Casa tells nobody who uses it: the libraries that report home by themselves are told not to."""

from __future__ import annotations

import os

OPT_OUTS = {
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "YDATA_PROFILING_NO_ANALYTICS": "true",
}


def opt_out() -> None:
    """Switch the libraries' telemetry off, for this process and its children; call it before importing them.

    ONNX Runtime (from 1.24 on, on every system) and MLflow (from 3.2 on) decide while they are imported.
    Whoever has set one of the variables has decided, and keeps that.
    """
    for name, value in OPT_OUTS.items():
        os.environ.setdefault(name, value)
