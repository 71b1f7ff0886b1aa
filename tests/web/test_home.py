"""The page that prices a house."""

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from casa.house import HOUSE, House
from casa.model.pricer import Pricer
from casa.web.form import EXAMPLES
from tests.cli.shell import EXAMPLE, ROOT, write_csv
from tests.servers import need
from tests.web.conftest import ROWS, Visitor


def money(price: float) -> str:
    return f"${round(price * 100) * 10:,}"


@pytest.fixture
def page(visitor: Visitor) -> Page:
    page = visitor.open()
    expect(page.locator("#prediction")).to_have_text(re.compile(r"\$"))
    return page


def test_a_house_is_priced_with_its_interval(page: Page, pricer: Pricer) -> None:
    price, low, high = pricer.price_one(list(HOUSE.example.values()))
    expect(page.locator("#prediction")).to_have_text(money(price))
    expect(page.locator("#interval")).to_have_text(f"90 % of such prices lie between {money(low)} and {money(high)}.")


def test_the_shares_of_a_price_are_drawn_and_told(page: Page) -> None:
    drawing = page.get_by_role("img", name=re.compile("^From .* together"))
    expect(drawing.locator("rect")).to_have_count(len(HOUSE.names))
    expect(drawing).to_contain_text("LSTAT 4.98")


def test_the_price_follows_a_slider_by_keyboard(page: Page, visitor: Visitor) -> None:
    before = page.locator("#prediction").text_content()
    page.get_by_label("Average rooms of a dwelling, slider").focus()
    page.keyboard.press("End")
    expect(page.locator("#RM")).to_have_value("9")
    expect(page.locator("#prediction")).not_to_have_text(before or "")
    assert visitor.count("/predict") == 2


def test_changes_are_priced_once_they_rest(page: Page, visitor: Visitor) -> None:
    page.get_by_label("Average rooms of a dwelling, slider").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    with page.expect_response("**/explain"):
        pass
    assert visitor.count("/predict") < 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_house_of_its_price(page: Page, pricer: Pricer, name: str) -> None:
    house = dict(zip(HOUSE.names, EXAMPLES[name], strict=True))
    assert House.model_validate(house)
    page.get_by_role("button", name=name).click()
    expect(page.locator("#prediction")).to_have_text(money(pricer.price_one(EXAMPLES[name])[0]))


def test_a_value_outside_the_data_is_told(page: Page) -> None:
    page.get_by_label("Crimes per person and year in the town", exact=True).fill("95")
    expect(page.locator("#warnings")).to_contain_text("CRIM lies outside the data")


def test_a_value_that_cannot_be_is_named(page: Page) -> None:
    page.locator("#RM").fill("12")
    expect(page.get_by_role("alert").filter(has_text="RM: Input should be less than or equal to 9")).to_be_visible()
    page.locator("#RM").fill("6")
    expect(page.locator("#price-said")).to_be_hidden()


def test_an_empty_field_is_left_out(page: Page, pricer: Pricer) -> None:
    page.locator("#ZN").fill("")
    expect(page.get_by_role("img", name=re.compile("^From"))).to_contain_text("ZN left out")


@pytest.mark.parametrize(("tab", "package"), [("curl", "curl"), ("Python", "python3"), ("gRPC", "python3")])
def test_a_copied_call_gives_the_same_price(
    page: Page, visitor: Visitor, pricer: Pricer, tab: str, package: str
) -> None:
    page.get_by_role("tab", name=tab).click()
    call = page.get_by_role("tabpanel", name=tab).text_content()
    program = [need("sh", "dash"), "-c"] if need(package, package).endswith("curl") else [sys.executable, "-c"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CASA_API_KEY": visitor.service.key}
    answer = subprocess.check_output([*program, call or ""], env=environ, text=True)
    price = pricer.price_one(list(HOUSE.example.values())).price
    assert float(re.sub(r'.*"prediction":([^,]*),.*', r"\1", answer)) == pytest.approx(price, abs=1e-4)


def test_a_call_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#code").text_content()


def priced(page: Page, path: Path) -> list[dict[str, str]]:
    """The table that the page gives for a file."""
    page.get_by_label("Drop a CSV file here, or choose one").set_input_files(path)
    with page.expect_download() as download:
        page.get_by_text("Download the prices").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text())))


def test_a_table_is_priced_batch_by_batch(page: Page, visitor: Visitor, pricer: Pricer, tmp_path: Path) -> None:
    rows = [{"street": 'A "quoted", street', **EXAMPLE, "ZN": gap} for gap in ("18", "NA", "", "18")]
    found = priced(page, write_csv(tmp_path / "houses.csv", rows))
    assert visitor.count("/predict/batch") == -(-len(rows) // ROWS)
    assert [row["street"] for row in found] == ['A "quoted", street'] * 4
    price = pricer.price_one(list(HOUSE.example.values())).price
    assert float(found[3]["price"]) == pytest.approx(price, abs=1e-4)


def test_a_bad_row_spoils_only_itself(page: Page, tmp_path: Path) -> None:
    rows = [{**EXAMPLE, "RM": rooms} for rooms in ("6", "twelve", "6", "99")]
    found = priced(page, write_csv(tmp_path / "houses.csv", rows))
    assert [bool(row["price"]) for row in found] == [True, False, True, False]
    assert [row["error"].partition(":")[0] for row in found] == ["", "RM", "", "RM"]


def test_a_table_of_something_else_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [{"name": "Ada", "age": "36"}])
    page.get_by_label("Drop a CSV file here, or choose one").set_input_files(path)
    expect(page.locator("#table-said")).to_contain_text("No column of people.csv is named as a feature")
