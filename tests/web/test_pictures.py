"""Pictures of the pages, for the documentation: taken of the service as it is, whenever these tests run."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from casa.house import HOUSE
from tests.cli.shell import ROOT
from tests.live import Live, live
from tests.servers import until
from tests.web.conftest import Visitor
from tests.web.test_pages import SHOWN, whole

PICTURES = ROOT / "build/pictures"
NAMES = {"/": "home", "/dashboard": "dashboard", "/model": "model", "/data": "data"}
DESK = {"width": 1200, "height": 1000}
PHONE = {"width": 360, "height": 740}
HOUSES = 300
"""So many that the dashboard has something to tell."""
REPORT = ROOT / "reports/eda.html"
PATHS = [path for path in SHOWN if path != "/data" or REPORT.exists()]
"""The report is what `/data` shows; it is there once `dvc repro` has run here."""
CASES = [
    *(pytest.param({"color_scheme": look, "viewport": DESK}, path, f"{NAMES[path]}-{look}", id=f"{NAMES[path]}-{look}")
      for path in PATHS for look in ("light", "dark")),
    *(pytest.param({"color_scheme": look, "viewport": PHONE}, "/", f"phone-{look}", id=f"phone-{look}")
      for look in ("light", "dark")),
]  # fmt: skip


@pytest.fixture(scope="module")
def service(whole_home: Path) -> Iterator[Live]:
    """A service that was asked, with the report that the pipeline wrote, if it has run here."""
    with live(whole_home, report_file=str(REPORT)) as service:
        head = {"x-api-key": service.key}
        houses = {"instances": [HOUSE.example] * HOUSES}
        assert httpx.post(f"{service.address}/predict/batch", json=houses, headers=head).is_success
        until(lambda: httpx.get(f"{service.address}/drift").json()["rows"] == HOUSES)
        yield service


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with browser.new_context(**request.param) as context:
        yield context


@pytest.mark.parametrize(("context", "path", "name"), CASES, indirect=["context"])
def test_a_page_can_be_pictured(visitor: Visitor, path: str, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = whole(visitor, path).screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    assert taken.startswith(b"\x89PNG")
    assert len(taken) > 10_000
