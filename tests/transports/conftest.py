"""The service, started in this process, with predictions answered by the front and by BentoML."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.servers import free_port
from tests.transports.caller import Caller, started

MODES = {"hot": "true", "bentoml": "false"}


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[Caller]:
    """The service with these settings. It reads them as it starts; services that run beside it have their own."""
    from service import Casa

    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        own = {"data_dir": folder, "report_file": f"{folder}/eda.html", "grpc_port": str(free_port()), **settings}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENTOML_HOME", str(home))
            for name, value in own.items():
                patch.setenv(f"CASA_{name.upper()}", value)
            caller = stack.enter_context(started(Casa.to_asgi()))
        caller.key = (Path(folder) / "local.key").read_text()
        yield caller


@pytest.fixture(scope="session", params=MODES)
def caller(request: pytest.FixtureRequest, store_home: Path) -> Iterator[Caller]:
    """The service in each of its two modes, with a low row limit and a short deadline."""
    with serving(store_home, hot_path=MODES[request.param], max_rows="50", body_seconds="0.2") as caller:
        yield caller


@pytest.fixture(scope="session")
def hot(store_home: Path) -> Iterator[Caller]:
    """The service as it is by default."""
    with serving(store_home) as caller:
        yield caller


@pytest.fixture(scope="session")
def through_bentoml(store_home: Path) -> Iterator[Caller]:
    """The service with predictions through BentoML's typed methods."""
    with serving(store_home, hot_path="false") as caller:
        yield caller
