"""Where a model comes from."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.params import Params

LIBRARIES = ("numpy", "onnx", "onnxmltools", "scikit-learn", "xgboost-cpu", "xgboost")


def lineage(params: Params, run_id: str | None, *, folder: Path) -> dict[str, Any]:
    """The data, code, knobs, libraries and MLflow run behind the model made in `folder`."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_sha256": hashlib.sha256((folder / "data/raw.csv").read_bytes()).hexdigest(),
        "code_revision": _revision(),
        "mlflow_run": run_id,
        "params": params.model_dump(),
        "libraries": _libraries(),
    }


def _revision() -> str | None:
    """The commit that ran, with a plus sign if files differ from it; None where neither git nor an image tells."""
    asked = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        note = Path(__file__).parent.parent / ".revision"  # as pipeline/Dockerfile writes it
        return (note.read_text("ascii").strip() or None) if note.is_file() else None


def _libraries() -> dict[str, str]:
    from importlib.metadata import distributions

    installed = {found.metadata["Name"] for found in distributions()}
    return {name: version(name) for name in LIBRARIES if name in installed}
