"""The documentation as a site: it builds without a complaint, is whole, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from casa.cli.main import app
from casa.errors import CasaError
from casa.settings import Settings
from tests.docs.test_commands import PAGES, PROJECT

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "srcset"}
"""What a browser fetches without being asked."""
FILE = re.compile(r"`((?:tests|casa|pipeline|helm|k8s|benchmarks)/[\w./-]+\.\w+)`")
LINK = re.compile(r"\]\(([^):#]+)(?:#[\w-]+)?\)")


class Loads(HTMLParser):
    """What a page has its browser fetch."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if value and LOADING.get(tag) == name]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    loaded = {address for page in site.rglob("*.html") for address in Loads(page).addresses}
    assert [address for address in loaded if re.match(r"(\w+:)?//", address)] == []
    assert not any(re.search(r"@import|url\(['\"]?(?:https?:)?//", sheet.read_text()) for sheet in site.rglob("*.css"))


def test_every_setting_command_and_error_is_looked_up_in_it(site: Path) -> None:
    pages = {name: (site / f"reference/{name}.html").read_text() for name in ("settings", "cli", "errors")}
    assert all(f"CASA_{name.upper()}" in pages["settings"] for name in Settings.model_fields)
    assert all(
        f"casa {command.callback.__name__}" in pages["cli"] for command in app.registered_commands if command.callback
    )
    assert all(error.__name__ in pages["errors"] for error in CasaError.__subclasses__())


def test_the_readme_leads_to_what_is_there() -> None:
    links = LINK.findall((PROJECT / "README.md").read_text())
    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = FILE.findall(page.read_text())
    assert [name for name in named if not (PROJECT / name).exists()] == []
