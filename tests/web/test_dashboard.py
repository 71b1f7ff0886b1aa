"""The page that watches."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from casa.database import open_database
from casa.house import HOUSE
from casa.migration import migrate
from casa.model.bundle import REFERENCE, Bundle
from casa.model.pricer import Pricer
from casa.monitoring.outlook import hour_of
from casa.monitoring.reference import Reference
from casa.monitoring.window_table import WindowTable
from casa.settings import Settings
from pipeline.train import Rows
from tests.live import Live, live
from tests.servers import free_port, until
from tests.web.conftest import ROWS, Visitor

AGE = re.compile(r"As of \d\d:\d\d:\d\d\.")
RENEWED = 11_000


def ask(service: Live) -> None:
    """A batch of houses for the page to tell of."""
    houses = {"instances": [HOUSE.example] * ROWS}
    assert httpx.post(f"{service.address}/predict/batch", json=houses, headers={"x-api-key": service.key}).is_success


def houses(page: Page) -> int:
    """How many houses the drift is of, as the page says."""
    said = page.get_by_text(re.compile(r"^[\d,]+ houses? so far")).text_content() or ""
    return int(said.partition(" ")[0].replace(",", ""))


def leave_larger_houses(folder: Path, saved: Bundle, table: Rows) -> None:
    """Two hours of a replica that was asked for the table's houses with a room more in each."""
    larger = table.houses + (np.array(HOUSE.names) == "RM")
    window = Reference.from_dict(saved.document(REFERENCE)).count(larger, Pricer(saved).price(table.houses))
    engine = open_database(Settings(data_dir=folder))
    migrate(engine)
    digest, now = sha256(saved.files[REFERENCE]).hexdigest(), hour_of(datetime.now(UTC))
    hours = {now - timedelta(hours=ago): window for ago in (3, 2)}
    WindowTable(engine, version=saved.version, reference=digest, replica="another").write(hours)
    engine.dispose()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.page.clock.install()
    page = visitor.open("/dashboard")
    expect(page.locator("#drift .fresh")).to_have_text(AGE)
    return page


def test_drift_is_drawn_for_every_feature_and_the_price(page: Page) -> None:
    for name in (*HOUSE.names, "price"):
        expect(page.get_by_role("img", name=re.compile(f"^{name}: training data .* %; now"))).to_be_visible()


def test_an_alarm_names_its_feature_and_no_other(
    context: BrowserContext, store_home: Path, tmp_path: Path, saved: Bundle, table: Rows
) -> None:
    leave_larger_houses(tmp_path, saved, table)
    with live(store_home, data_dir=str(tmp_path)) as service:
        page = Visitor(context.new_page(), service).open("/dashboard")
        expect(
            page.get_by_text(re.compile("^The houses have moved since .*; the figures are of 506 houses"))
        ).to_be_visible()
        assert page.locator("#drift figure.alert figcaption").all_text_contents() == ["RM alarm"]


def test_it_renews_itself(page: Page, visitor: Visitor) -> None:
    before = houses(page)
    ask(visitor.service)
    page.clock.fast_forward(RENEWED)
    expect(page.get_by_text(f"{before + ROWS:,} houses so far")).to_be_visible()


def test_it_says_how_old_it_is_where_the_server_is_away(
    context: BrowserContext, store_home: Path, tmp_path: Path
) -> None:
    port = free_port()
    with live(store_home, port=port, data_dir=str(tmp_path)) as service:
        page = context.new_page()
        page.clock.install()
        Visitor(page, service).open("/dashboard")
        expect(page.locator("#drift .fresh")).to_have_text(AGE)
    page.clock.fast_forward(RENEWED)
    expect(page.locator("#drift .bad").first).to_have_text(re.compile("The server does not answer"))
    expect(page.locator("#drift .fresh")).to_have_text(AGE)
    with live(store_home, port=port, data_dir=str(tmp_path)):
        page.clock.fast_forward(RENEWED)
        expect(page.locator("#drift .bad").first).to_be_hidden()


def test_traffic_errors_and_the_model_are_told(page: Page, visitor: Visitor) -> None:
    service = visitor.service
    ask(service)
    assert httpx.post(f"{service.address}/predict", json={}, headers={"x-api-key": service.key}).status_code == 422
    version = httpx.get(f"{service.address}/health").json()["model_version"]
    for words in (re.compile(r"^Predictions[1-9]"), re.compile(r"^422: \d"), re.compile(f"^{version} since ")):
        until(lambda words=words: told(page, words))


def told(page: Page, words: re.Pattern[str]) -> bool:
    """Does the panel say it by now? Where it does not, it is renewed."""
    page.clock.fast_forward(RENEWED)
    return page.locator("#service .tile, #service li").filter(has_text=words).count() > 0
