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

OWN = (":!dvc.lock", ":!reports")
"""What a run itself writes: the lock has the time of the table's report in it, so it differs after every run."""


def lineage(params: Params, run_id: str | None, *, folder: Path) -> dict[str, Any]:
    """The data, code, knobs, libraries and MLflow run behind the model made in `folder`."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_sha256": hashlib.sha256((folder / "data/raw.csv").read_bytes()).hexdigest(),
        "code_revision": revision(),
        "mlflow_run": run_id,
        "params": params.model_dump(),
        "libraries": _libraries(),
    }


def revision() -> str | None:
    """The commit that ran, with a plus sign if files differ from it; None where neither git nor an image tells."""
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *OWN)
        return _git("describe", "--always", "--abbrev=40", "--exclude=*") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        note = Path(__file__).parent.parent / ".revision"  # as pipeline/Dockerfile writes it
        return (note.read_text("ascii").strip() or None) if note.is_file() else None


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def _libraries() -> dict[str, str]:
    from importlib.metadata import distributions

    installed = {found.metadata["Name"] for found in distributions()}
    return {name: version(name) for name in LIBRARIES if name in installed}
