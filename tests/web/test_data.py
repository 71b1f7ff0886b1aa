"""The page about the table of houses."""

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.live import live
from tests.web.conftest import Visitor


def test_the_report_runs_in_a_frame_without_origin_and_key(visitor: Visitor) -> None:
    page = visitor.open("/data")
    expect(page.frame_locator("#frame").get_by_role("heading", name="506 houses")).to_be_visible()
    frame = page.frames[1]
    assert frame.title() == "by null"
    assert frame.evaluate("fetch('/health').then(() => 'reached', () => 'out of reach')") == "out of reach"
    visitor.complaints.clear()  # of that attempt


def test_without_a_report_a_sentence_says_how_to_make_one(
    context: BrowserContext, store_home: Path, tmp_path: Path
) -> None:
    with live(store_home, report_file=str(tmp_path / "eda.html")) as service:
        page = Visitor(context.new_page(), service).open("/data")
        expect(page.locator("#data-said")).to_contain_text("There is no report about the table here")
        expect(page.locator("#frame")).to_be_hidden()
