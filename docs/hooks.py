"""What `make docs` adds to the pages: the reference, files of the project they lead to, pictures of the web pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from reference import PAGES, fenced

PROJECT = Path(__file__).parents[1]
PICTURES = PROJECT / "build/pictures"
"""Where the browser tests put them (`tests/web/test_pictures.py`)."""
OUTSIDE = re.compile(r"\]\(((?:\.\./)+[\w./-]+)(#[\w-]+)?\)")
"""A link that may lead out of the documentation."""
MARK = re.compile(r"<!-- picture: (\w+), (.+) -->")
NO_PICTURE = "*No picture: Chromium, or what this page shows, was not there when the documentation was made.*"
NAMED = {"README.md": "index.md", "helm/casa/README.md": "reference/values.md"}
"""Files of the project that have a page of their own here."""
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".proto": "protobuf", ".toml": "toml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not written by hand."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    for picture in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    for name in sorted({name for page in files.documentation_pages() for name in _outside(page)} - set(NAMED)):
        files.append(File.generated(config, _shown_at(name), content=_source(name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs
    """Lead links to files of the project to their pages here, and put the pictures in."""
    here = page.file.src_uri
    led = OUTSIDE.sub(lambda link: f"]({_led(link[1], here)}{link[2] or ''})", markdown)
    return MARK.sub(lambda mark: _picture(mark[1], mark[2]), led)


def _outside(page: File) -> Iterator[str]:
    """The files of the project that a page leads to, as the project names them."""
    if page.generated_by is None:
        for link, _ in OUTSIDE.findall(page.content_string):
            if (name := _place(link, page.src_uri)) is not None:
                yield name


def _place(link: str, here: str) -> str | None:
    """What a link from this page leads to, if it is a file of the project outside the documentation."""
    name = normpath(f"docs/{here}/../{link}")
    return None if name.startswith("docs/") else name


def _led(link: str, here: str) -> str:
    name = _place(link, here)
    return link if name is None else relpath(NAMED.get(name, _shown_at(name)), f"{here}/..")


def _shown_at(name: str) -> str:
    return f"source/{name}.md"


def _source(name: str) -> str:
    file = PROJECT / name
    if not file.is_file():
        raise PluginError(f"a page leads to {name}, and there is no such file")
    text = fenced(file.read_text(), LANGUAGES.get(file.suffix, "text"))
    return f"---\nsearch: {{exclude: true}}\n---\n# `{name}`\n\n{text}"


def _picture(name: str, words: str) -> str:
    if not (PICTURES / f"{name}-light.png").exists():
        return NO_PICTURE
    shown = ((f"{name}-{scheme}", f"#only-{scheme}") for scheme in ("light", "dark"))
    return "\n".join(f"![{words}](pictures/{file}.png{when})" for file, when in shown)
