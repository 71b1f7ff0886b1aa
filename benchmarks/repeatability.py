"""Two clean runs of the whole pipeline, with one worker and with two: the same bytes, and how long they take.

Example: python -m benchmarks.repeatability
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import orjson
import yaml

from benchmarks.table import machine, show

PROJECT = Path(__file__).parents[1]
COPIED = ("casa", "pipeline", "dvc.yaml", "params.yaml", ".dvcignore")


def main() -> None:
    """Run both, then once more with nothing changed, and compare; exits if a byte differs."""
    with tempfile.TemporaryDirectory() as place:
        runs = [_run(Path(place) / f"workers-{workers}", workers=workers) for workers in (1, 2)]
    (one, one_first, one_again), (two, two_first, two_again) = runs
    differing = sorted(name for name in one if one[name] != two.get(name))
    rows = [
        ("dvc repro from nothing, s", one_first, two_first),
        ("dvc repro again, s", one_again, two_again),
        ("files of the model that differ", "", ", ".join(differing) or "none"),
    ]
    show(f"pipeline ({machine()})", ("", "1 worker", "2 workers"), rows)
    if differing:
        raise SystemExit(1)


def _run(folder: Path, *, workers: int) -> tuple[dict[str, str], float, float]:
    folder.mkdir()
    for name in COPIED:
        source = PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"]["workers"] = workers
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    environment = {
        **os.environ,
        "BENTOML_HOME": str(folder / "bentoml"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, env=environment, check=True)
    return _repro(folder, environment)


def _repro(folder: Path, environment: dict[str, str]) -> tuple[dict[str, str], float, float]:
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        subprocess.run(["dvc", "repro", "--quiet"], cwd=folder, env=environment, check=True)
        seconds.append(time.perf_counter() - start)
    saved = folder / "artifacts/bundle"
    kept = [*saved.glob("*.ubj"), *saved.glob("model.*"), folder / "reports/metrics.json"]
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in kept}
    version = orjson.loads((folder / "artifacts/bundle/manifest.json").read_bytes())["version"]
    return {**digests, "version": version}, seconds[0], seconds[1]


if __name__ == "__main__":
    main()
