"""What holds for every page: nothing from elsewhere, no complaint, for every eye, hand and screen."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from casa.web import pages
from tests.live import Live
from tests.transports.caller import Caller
from tests.transports.conftest import hot
from tests.web.conftest import Visitor

__all__ = ["hot"]

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
SHOWN = {"/": "#waterfall svg", "/dashboard": "#drift svg, #service .tile", "/model": "#report img", "/data": "#frame"}
"""What stands on each page when it is whole."""


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with browser.new_context(**getattr(request, "param", {})) as context:
        context.add_init_script(path=AXE)
        yield context


def whole(visitor: Visitor, path: str) -> Page:
    page = visitor.open(path)
    expect(page.locator(SHOWN[path])).not_to_have_count(0)
    expect(page.get_by_text("Loading …")).to_be_hidden()
    return page


@pytest.mark.parametrize("context", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
@pytest.mark.parametrize("path", SHOWN)
def test_no_serious_hurdle_is_found(visitor: Visitor, path: str) -> None:
    found = whole(visitor, path).evaluate("axe.run({ iframes: false })")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == []
    assert len(found["passes"]) > 10


@pytest.mark.parametrize("context", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
@pytest.mark.parametrize("path", SHOWN)
def test_a_phone_scrolls_down_only(visitor: Visitor, path: str) -> None:
    assert whole(visitor, path).evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_says_where_it_is_and_complains_of_nothing(visitor: Visitor, path: str) -> None:
    page = whole(visitor, path)
    expect(page.locator("nav [aria-current=page]")).to_have_attribute("href", path)
    assert visitor.complaints == []


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_needs_no_key_and_runs_nothing_inline(hot: Caller, path: str) -> None:
    page = hot.get(path, headers={"accept": "text/html", "x-api-key": ""})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'; style-src 'self';" in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/model", "/model/report", "/data/report"])
def test_what_a_page_shows_needs_a_key(service: Live, path: str) -> None:
    assert httpx.get(f"{service.address}{path}").status_code == 401


@pytest.mark.parametrize("name", pages.read("assets"))
def test_an_asset_may_be_kept_for_ever(hot: Caller, name: str) -> None:
    asset = hot.get(f"{pages.root()}/{name}")
    assert (asset.status_code, asset.content) == (200, pages.read("assets")[name])
    assert "immutable" in asset.headers["cache-control"]


@pytest.mark.parametrize("path", ["/assets/", "/assets/000000000000/style.css", "/assets/../home.html"])
def test_nothing_else_is_an_asset(hot: Caller, path: str) -> None:
    assert hot.get(path).status_code == 404
