"""The saved form of a model: plain files, a manifest of their digests, and a version that is their name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from casa.errors import InvalidBundle
from casa.house import HOUSE, Declaration
from casa.model.ensemble import Ensemble
from casa.model.preprocessor import Preprocessor

FORMAT = 1
NAME = "casa"
MANIFEST = "manifest.json"
MODEL = "model.json"
GRAPH = "model.onnx"
REFERENCE = "reference.json"
GOLDEN = "golden.json"
METRICS = "metrics.json"
LINEAGE = "lineage.json"
CARD = "card.md"
REQUIRED = (MODEL, GRAPH, REFERENCE, GOLDEN, METRICS, LINEAGE, CARD)
LARGEST_FILE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A model as it was saved, every byte checked against the manifest."""

    version: str
    preprocessor: Preprocessor
    ensemble: Ensemble
    features_used: tuple[str, ...]
    files: Mapping[str, bytes]

    def document(self, name: str) -> Any:
        """One of the bundle's JSON files, parsed."""
        return orjson.loads(self.files[name])

    @property
    def boosters(self) -> list[bytes]:
        """The boosters' files, in the order of the margins' columns."""
        return [self.files[member.file] for member in self.ensemble.boosters]

    @property
    def card(self) -> str:
        """The model card, in Markdown."""
        return self.files[CARD].decode()


def model_document(preprocessor: Preprocessor, ensemble: Ensemble, *, features_used: tuple[str, ...]) -> bytes:
    """`model.json`: all that decides a price besides the trees."""
    saved = {
        "preprocessor": preprocessor.to_dict(),
        "ensemble": ensemble.to_dict(),
        "features_used": list(features_used),
    }
    return orjson.dumps(saved, option=orjson.OPT_INDENT_2)


def write(folder: Path, files: Mapping[str, bytes], *, declaration: Declaration = HOUSE) -> str:
    """Write a bundle's files with their manifest as `folder`, whole or not at all; returns the version.

    Raises InvalidBundle if the files are no complete bundle.
    """
    manifest = _manifest(files, declaration=declaration)
    _parse(manifest["version"], files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    for name, content in {**files, MANIFEST: orjson.dumps(manifest, option=orjson.OPT_INDENT_2)}.items():
        _write_file(draft / name, content)
    draft.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
    return str(manifest["version"])


def load(folder: Path, *, expect: str | None = None, declaration: Declaration = HOUSE) -> Bundle:
    """The bundle in `folder`, checked: digests before any parser sees a byte, then schema and version.

    One flipped bit in a booster's file can crash XGBoost or change prices in silence, hence the order.
    Raises InvalidBundle with what is wrong; `expect` is the version that its place promises.
    """
    manifest = _read_manifest(folder)
    files = {name: _read_file(folder, name, digest) for name, digest in manifest["files"].items()}
    strays = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {*files, MANIFEST}
    if strays:
        raise InvalidBundle(f"the bundle {folder.name} holds files its manifest does not name: {_listed(strays)}")
    actual = _manifest(files, declaration=declaration)
    if manifest["schema"] != actual["schema"]:
        raise InvalidBundle("the bundle was made for another declaration of a house; train a model for this one")
    if actual["version"] != manifest["version"] or expect not in (None, actual["version"]):
        raise InvalidBundle(f"the bundle's files are version {actual['version']}, not {expect or manifest['version']}")
    return _parse(actual["version"], files)


def _manifest(files: Mapping[str, bytes], *, declaration: Declaration) -> dict[str, Any]:
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    decisive = {name: digest for name, digest in digests.items() if name in (MODEL, GRAPH) or name.endswith(".ubj")}
    rules = json.dumps([FORMAT, declaration.digest, decisive], sort_keys=True)
    version = hashlib.sha256(rules.encode()).hexdigest()[:12]
    return {"format": FORMAT, "name": NAME, "version": version, "schema": declaration.digest, "files": digests}


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
        files = dict(manifest["files"])
        known = manifest["format"], str(manifest["version"]), str(manifest["schema"])
    except FileNotFoundError as error:
        raise InvalidBundle(f"no bundle here: {folder.name} has no {MANIFEST}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidBundle(f"the manifest of {folder.name} cannot be read") from error
    if known[0] != FORMAT:
        raise InvalidBundle(f"the bundle has format {known[0]}, this Casa reads format {FORMAT}; train or export again")
    missing = set(REQUIRED) - set(files)
    if missing:
        raise InvalidBundle(f"the bundle's manifest lacks {_listed(missing)}")
    return {"files": files, "version": known[1], "schema": known[2]}


def _read_file(folder: Path, name: str, digest: str) -> bytes:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidBundle(f"the manifest names a file outside the bundle: {name!r}")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidBundle(f"{name} is larger than any file of a bundle")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidBundle(f"the bundle lacks {name}, which its manifest names") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InvalidBundle(f"{name} is not what the manifest says: the bundle is damaged")
    return content


def _parse(version: str, files: Mapping[str, bytes]) -> Bundle:
    try:
        saved = orjson.loads(files[MODEL])
        bundle = Bundle(
            version=version,
            preprocessor=Preprocessor.from_dict(saved["preprocessor"]),
            ensemble=Ensemble.from_dict(saved["ensemble"]),
            features_used=tuple(saved["features_used"]),
            files=dict(files),
        )
        absent = {*REQUIRED, *(member.file for member in bundle.ensemble.boosters)} - set(files)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidBundle(f"{MODEL} is not a model's description") from error
    if absent:
        raise InvalidBundle(f"the bundle lacks {_listed(absent)}")
    return bundle


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
