"""One browser, one service with a whole model, and a visitor of the pages who complains of what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from casa.model import bundle
from casa.model.store import Store
from tests.cli.shell import ROOT, casa
from tests.live import Live, live
from tests.servers import need

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    " --no-first-run"
)
REPORT = "<!doctype html><title>Houses</title><h1>506 houses</h1><script>document.title = `by ${origin}`</script>"
REFUSED = "Failed to load resource"
"""What Chromium says of every answer that is no 200."""
ROWS = 3
"""The most that a batch may hold, so that a short table is several."""


class Visitor:
    """Someone at a browser: what they open, ask for and have to complain of."""

    def __init__(self, page: Page, service: Live) -> None:
        self.page = page
        self.service = service
        self.complaints: list[str] = []
        self.asked: list[Request] = []
        page.set_default_timeout(10_000)
        page.on("request", self._send)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = "/", *, key: str | None = None) -> Page:
        """A page, with a key in its link: this machine's unless another one is given."""
        self.page.goto(f"{self.service.address}{path}#key={self.service.key if key is None else key}")
        return self.page

    def count(self, path: str) -> int:
        """How many calls of this path were sent."""
        return sum(urlsplit(request.url).path == path for request in self.asked)

    def _send(self, request: Request) -> None:
        self.asked.append(request)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Its driver keeps an event loop running in this thread: no other file's test may meet it."""
    program = need("chromium", "chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def whole_home(bundle_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BENTOML_HOME whose champion has what the pipeline puts into a bundle: pictures and experiments, too."""
    folder = tmp_path_factory.mktemp("whole")
    plots = {f"plots/{path.name}": path.read_bytes() for path in (ROOT / "reports/plots").iterdir()}
    metrics = {bundle.METRICS: (ROOT / "reports/metrics.json").read_bytes()}
    bundle.write(folder / "bundle", {**bundle_files, **plots, **metrics})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(folder))
        store = Store(folder)
        store.crown(store.save(folder / "bundle"))
    return folder


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps its keys."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def service(whole_home: Path, data_dir: Path) -> Iterator[Live]:
    """The service that most tests visit, with a report about the table."""
    (data_dir / "eda.html").write_text(REPORT)
    with live(
        whole_home, data_dir=str(data_dir), report_file=str(data_dir / "eda.html"), max_rows=str(ROWS)
    ) as service:
        yield service


@pytest.fixture
def poor_key(service: Live, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key for two calls a day, in force within five seconds."""
    monkeypatch.setenv("CASA_DATA_DIR", str(data_dir))
    return casa("keys", "create", "--client", os.urandom(4).hex(), "--quota", "2/day").stdout.strip()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that remembers nothing."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def visitor(context: BrowserContext, service: Live) -> Iterator[Visitor]:
    """A visitor who must have nothing to complain of but refused calls, and meets no other host."""
    visitor = Visitor(context.new_page(), service)
    yield visitor
    assert [said for said in visitor.complaints if not said.startswith(REFUSED)] == []
    assert {urlsplit(request.url).netloc for request in visitor.asked} <= {urlsplit(service.address).netloc, ""}
    assert not any(service.key in request.url for request in visitor.asked)
