"""Bundles that an MLflow server keeps, by its REST API: the serving half does without MLflow's client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import orjson

from casa.errors import InvalidBundle, NotFound, SourceUnavailable
from casa.model import bundle
from casa.model.parcel import inside, lay
from casa.model.registry import VERSION_TAG

SECONDS = 3.0
"""How long any answer, and any pause in it, may take."""
TOTAL_SECONDS = 30.0
"""How long a whole bundle may take."""
API = "api/2.0/mlflow"
PROXY = "mlflow-artifacts"
"""How the address of files begins that the server itself hands out (`--serve-artifacts`)."""
PLACE = "data/bundle"
"""Where `pipeline.tracking.log_bundle` puts a bundle among a logged model's files."""


class Depot:
    """The models that are registered with one MLflow server."""

    def __init__(self, uri: str, *, login: tuple[str, str] | None = None) -> None:
        self._uri = uri
        self._login = login

    @property
    def place(self) -> str:
        """The server in words, without its password."""
        return f"MLflow at {urlsplit(self._uri).netloc.rpartition('@')[2]}"

    def take(self, version: str, folder: Path) -> None:
        """Write the bundle of `version` as `folder`, checked; NotFound, SourceUnavailable or InvalidBundle if not."""
        with self._visit() as visit:
            root = _root(visit, version)
            manifest = visit.read(f"{root}/{bundle.MANIFEST}")
            names = _names(manifest)
            files = {name: visit.read(f"{root}/{quote(str(inside(name)))}") for name in names}
        lay({**files, bundle.MANIFEST: manifest}, folder)
        bundle.load(folder, expect=version)

    @contextmanager
    def _visit(self) -> Iterator[_Visit]:
        try:
            with httpx.Client(base_url=self._uri, auth=self._login, timeout=SECONDS) as client:
                yield _Visit(client, end=monotonic() + TOTAL_SECONDS)
        except httpx.HTTPStatusError as error:
            raise SourceUnavailable(f"it answers {error.response.status_code}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceUnavailable(f"it does not answer: {str(error) or type(error).__name__}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # JSON of another shape
            raise SourceUnavailable("its answers are not MLflow's") from error


class _Visit:
    """Calls that must all be over by one moment."""

    def __init__(self, client: httpx.Client, *, end: float) -> None:
        self._client = client
        self._end = end

    def ask(self, call: str, **params: str) -> Mapping[str, Any]:  # whatever MLflow's JSON holds
        found: Mapping[str, Any] = orjson.loads(self.read(f"{API}/{call}", **params))
        return found

    def read(self, path: str, **params: str) -> bytes:
        content = bytearray()
        with self._client.stream("GET", path, params=params) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > bundle.LARGEST_FILE or monotonic() > self._end:
                    raise SourceUnavailable("it sends too much, or too slowly")
        return bytes(content)


def _root(visit: _Visit, version: str) -> str:
    """Where the server hands out the bundle's files."""
    query = f"name = '{bundle.NAME}' and tags.`{VERSION_TAG}` = '{version}'"
    models = visit.ask("model-versions/search", filter=query).get("model_versions") or []
    if not models:
        raise NotFound("it has no such model")
    address = visit.ask("model-versions/get-download-uri", name=bundle.NAME, version=models[0]["version"])
    files = urlsplit(address["artifact_uri"])
    if files.scheme != PROXY:
        raise SourceUnavailable(f"it keeps its files in {files.scheme}, not behind itself: see --serve-artifacts")
    return f"api/2.0/{PROXY}/artifacts/{files.path.strip('/')}/{PLACE}"


def _names(manifest: bytes) -> list[str]:
    try:
        return list(orjson.loads(manifest)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidBundle("the manifest cannot be read") from error
