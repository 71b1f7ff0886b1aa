"""What a visitor meets on the way: keys, quotas, a server that goes away."""

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.live import live
from tests.servers import free_port, until
from tests.web.conftest import Visitor

PRICE = re.compile(r"\$")


def test_without_a_key_one_is_asked_for_and_kept_in_the_tab(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.service.address)
    page.get_by_label("Your API key").fill(visitor.service.key)
    page.keyboard.press("Enter")
    expect(page.locator("#prediction")).to_have_text(PRICE)
    page.reload()
    expect(page.locator("#prediction")).to_have_text(PRICE)
    expect(page.get_by_label("Your API key")).to_be_hidden()


def test_a_key_of_the_link_leaves_the_address(visitor: Visitor) -> None:
    page = visitor.open("/model")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    assert page.url == f"{visitor.service.address}/model"


def test_a_wrong_key_is_asked_for_again(visitor: Visitor) -> None:
    page = visitor.open(key="casa_wrong")
    expect(page.get_by_role("alert").filter(has_text="This key was refused")).to_be_visible()
    expect(page.get_by_label("Your API key")).to_be_focused()
    page.keyboard.type(visitor.service.key)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#prediction")).to_have_text(PRICE)


def test_a_forgotten_key_is_asked_for_again(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("Your API key")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_used_up_quota_is_told_and_its_time_is_waited_for(visitor: Visitor, poor_key: str) -> None:
    visitor.page.clock.install()
    in_force(visitor, poor_key)
    page = visitor.open(key=poor_key)
    page.clock.run_for(150)
    expect(page.get_by_role("img", name=re.compile("^From"))).to_be_visible()
    page.locator("#RM").fill("7")
    page.clock.run_for(150)
    expect(page.locator("#price-said")).to_have_text(re.compile(r"Quota used up.*Trying again in \d+ \w+\."))
    before = visitor.count("/predict")
    page.locator("#RM").fill("8")
    page.clock.run_for(10_000)
    assert visitor.count("/predict") == before
    page.clock.fast_forward(86_400_000)
    until(lambda: page.evaluate("1") and visitor.count("/predict") == before + 1)


def in_force(visitor: Visitor, key: str) -> None:
    """Wait until the service knows the key; it is asked for nothing that costs."""
    address, request = f"{visitor.service.address}/predict", visitor.page.request
    until(lambda: request.post(address, headers={"x-api-key": key}, data="no JSON").status == 415)


def test_a_server_that_goes_away_is_told_and_found_again(
    context: BrowserContext, store_home: Path, tmp_path: Path
) -> None:
    port = free_port()
    with live(store_home, port=port, data_dir=str(tmp_path)) as service:
        page = Visitor(context.new_page(), service).open()
        expect(page.locator("#prediction")).to_have_text(PRICE)
    page.locator("#RM").fill("7")
    expect(page.locator("#price-said")).to_have_text("The server does not answer. Trying again in 2 s.")
    expect(page.locator("#prediction")).to_have_class("old")
    with live(store_home, port=port, data_dir=str(tmp_path)):
        expect(page.locator("#prediction")).not_to_have_class("old")
        expect(page.locator("#price-said")).to_be_hidden()
