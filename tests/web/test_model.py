"""The page about the model."""

from dataclasses import replace

import orjson
from playwright.sync_api import expect

from casa.model import bundle
from casa.model.bundle import Bundle
from casa.web.report import PLOTS, report
from tests.web.conftest import Visitor


def test_card_experiments_pictures_and_lineage_are_shown(visitor: Visitor) -> None:
    page = visitor.open("/model")
    expect(page.get_by_role("heading", name="A small model")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="house-recipe chosen")).to_contain_text("2.850")
    for words in PLOTS.values():
        assert page.get_by_role("img", name=words).evaluate("picture => picture.naturalWidth") > 300
    expect(page.get_by_role("row").filter(has_text="version")).to_be_visible()


def test_a_model_without_pictures_and_experiments_says_so(saved: Bundle) -> None:
    shown = report(saved)
    assert "saved without pictures" in shown
    assert "saved without its experiments" in shown


def test_what_a_bundle_says_cannot_become_html(saved: Bundle) -> None:
    evil = "<script>alert(1)</script>"
    papers = {
        bundle.CARD: f"# {evil}\n[x](javascript:alert(1)) ![x](https://elsewhere.example/x.png)\n".encode(),
        bundle.LINEAGE: orjson.dumps({evil: evil}),
        bundle.METRICS: orjson.dumps({"experiments": [{"name": evil}]}),
    }
    shown = report(replace(saved, files={**saved.files, **papers}))
    assert not any(word in shown for word in ("<script", "<img", 'href="javascript'))


def test_a_cards_headings_and_tables_suit_the_page(saved: Bundle) -> None:
    card = b"# Card\n## Part\n| a | b |\n|---|--:|\n| 1 | 2 |\n"
    shown = report(replace(saved, files={**saved.files, bundle.CARD: card}))
    assert "<h2>Card</h2>" in shown
    assert "<h3>Part</h3>" in shown
    assert '<td class="number">2</td>' in shown
    assert "style=" not in shown
