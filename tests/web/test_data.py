"""The page about the table of houses."""

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from casa.web import pages
from tests.live import live
from tests.web.conftest import Visitor


def test_the_report_runs_in_a_frame_without_origin_and_key(visitor: Visitor) -> None:
    page = visitor.open("/data")
    expect(page.frame_locator("#frame").get_by_role("heading", name="506 houses")).to_be_visible()
    frame = page.frames[1]
    assert frame.title() == "by null"
    assert frame.evaluate("fetch('/health').then(() => 'reached', () => 'out of reach')") == "out of reach"
    visitor.complaints.clear()  # of that attempt


def test_the_frame_has_no_origin_wherever_it_is_opened(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.service.address}{pages.root()}/frame.html")
    assert visitor.page.evaluate("origin") == "null"


def test_nobody_but_the_page_around_it_fills_the_frame(visitor: Visitor) -> None:
    page = visitor.open("/data")
    with page.expect_popup() as opened:
        page.evaluate("address => { self.popup = open(address) }", f"{pages.root()}/frame.html")
    opened.value.evaluate("() => addEventListener('message', () => { self.heard = true })")
    page.evaluate("popup.postMessage('<title>Not ours</title>', '*')")
    opened.value.wait_for_function("self.heard")
    assert opened.value.title() == "Report"


def test_without_a_report_a_sentence_says_how_to_make_one(
    context: BrowserContext, store_home: Path, tmp_path: Path
) -> None:
    with live(store_home, report_file=str(tmp_path / "eda.html")) as service:
        page = Visitor(context.new_page(), service).open("/data")
        expect(page.locator("#data-said")).to_contain_text("There is no report about the table here")
        expect(page.locator("#frame")).to_be_hidden()
