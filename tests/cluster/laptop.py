"""An operator's own machine: the command `casa` there, and ports forwarded into the cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import SecretStr

from casa.database import open_database
from casa.model.shelf import Shelf
from casa.settings import Settings
from tests.cluster.release import Release
from tests.servers import tool

LINE = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextmanager
def forwarded(release: Release, target: str, port: int) -> Iterator[int]:
    """A port of this machine that leads to a port in the cluster."""
    words = ["--namespace", release.namespace, "port-forward", "--address=127.0.0.1", target, f":{port}"]
    process = subprocess.Popen([tool("kubectl"), *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = LINE.search(process.stdout.readline())
        assert line, f"{target} is not forwarded"
        yield int(line[1])
    finally:
        process.terminate()
        process.communicate()


def shelve(release: Release, folder: Path) -> None:
    """Put a bundle on the release's shelf, as a rollout does."""
    with forwarded(release, "service/casa-postgres", 5432) as port:
        engine = open_database(Settings(database_url=SecretStr(_address(release, port))))
        Shelf(engine).put(folder)
        engine.dispose()


def _address(release: Release, port: int) -> str:
    return re.sub(r"@[^/]+/", f"@127.0.0.1:{port}/", release.secret("casa-postgres", "url"))


def casa(release: Release, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `casa WORDS` on the operator's machine, whose models are in `home`; the release's database is in reach."""
    with ExitStack() as stack:
        database = stack.enter_context(forwarded(release, "service/casa-postgres", 5432))
        mlflow = stack.enter_context(forwarded(release, "service/casa-mlflow", 5000))
        settings = {
            "BENTOML_HOME": str(home),
            "CASA_API_KEY": release.secret("casa-keys", "rollout-key"),
            "CASA_DATABASE_URL": _address(release, database),
            "CASA_DATA_DIR": str(home / "data"),
            "CASA_NAMESPACE": release.namespace,
            "CASA_WATCH_SECONDS": "10",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{mlflow}",
        }
        command = [sys.executable, "-m", "casa.cli.main", *words]
        environ = {**os.environ, **settings}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=400, check=False)
