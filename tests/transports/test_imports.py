import subprocess
import sys
from pathlib import Path

import pytest

SERVING = """
import sys
import service
from casa.model import bundle
from casa.access.gate import Gate
from casa.access.keys import KeyStore
from casa.access.quota import LocalQuota
from casa.model.store import Path
from casa.monitoring.metrics import Metrics
from casa.settings import Settings
from casa.transports.serving import complete, open_serving
gate = Gate(KeyStore(b"pepper"), LocalQuota(), None, metrics=Metrics())
complete(open_serving(Settings(), bundle.load(Path({folder!r})), gate=gate, metrics=Metrics()))
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded(bundle_folder: Path) -> set[str]:
    """Every module of a process that serves."""
    code = SERVING.format(folder=str(bundle_folder))
    project = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "package", ["mlflow", "shap", "matplotlib", "dvc", "pandas", "sklearn", "pyarrow", "onnx", "kubernetes"]
)
def test_the_serving_path_does_without(loaded: set[str], package: str) -> None:
    assert package not in loaded


def test_the_serving_path_has_both_engines(loaded: set[str]) -> None:
    assert {"xgboost", "onnxruntime"} <= loaded
