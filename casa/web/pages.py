"""The pages as they are sent: files of this package, read once, with the parts that are made put in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template

from casa.web import form

HTML, ASSETS = "html", "assets"
TITLES = {"home": "Price a house", "dashboard": "Dashboard", "model": "Model", "data": "Data"}
"""Every page's title by its name, which is that of its script, too."""


@cache
def read(folder: str) -> Mapping[str, bytes]:
    """The files of one folder of this package, by name."""
    return {path.name: path.read_bytes() for path in files(__package__).joinpath(folder).iterdir()}


@cache
def root() -> str:
    """Where the assets are. Their digest is part of it: what has this address never changes, so it may be kept."""
    digest = hashlib.sha256()
    for name, content in sorted(read(ASSETS).items()):
        digest.update(name.encode() + b"\0" + content)
    return f"/{ASSETS}/{digest.hexdigest()[:12]}"


@cache
def home(*, max_rows: int, grpc_port: int) -> bytes:
    """The page that prices a house."""
    return _page("home", fields=form.fields(), examples=form.examples(), max_rows=max_rows, grpc_port=grpc_port)


@cache
def page(name: str) -> bytes:
    """One of the other pages."""
    return _page(name)


def _page(name: str, **values: object) -> bytes:
    main = _template(f"{name}.html").substitute(values)
    whole = _template("shell.html").substitute(title=TITLES[name], script=name, assets=root(), main=main)
    here = f'href="/{name if name != "home" else ""}">'
    return whole.replace(f"<a {here}", f'<a aria-current="page" {here}', 1).encode()


def _template(name: str) -> Template:
    return Template(read(HTML)[name].decode())
