import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from casa import Client
from tests.client.script import Line, Script
from tests.live import Live, live


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    with live(store_home, max_rows="20") as service:
        yield service


@pytest.fixture(scope="module")
def client(service: Live) -> Iterator[Client]:
    with Client(service.address, key=service.key, max_rows=20) as client:
        yield client


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Any:
    """Starts a script; it ends with the test."""

    def start(*answers: Line) -> Script:
        script = Script(*answers)
        thread = threading.Thread(target=script.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        request.addfinalizer(lambda: (script.shutdown(), thread.join(), script.server_close()))
        return script

    return start
