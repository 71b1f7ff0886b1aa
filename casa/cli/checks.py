"""What Casa needs on this machine: each check looks, changes nothing, and knows a remedy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from casa.cli.serve import Address, answers, open_address
from casa.errors import CasaError, NotFound
from casa.settings import Settings
from casa.telemetry import opt_out

PYTHONS = ((3, 11), (3, 14))
COMPILED = ("numpy", "onnxruntime", "orjson", "xgboost")
"""Packages with machine code: installed does not mean that they run here."""
OFTEN = {
    "train": "training, `casa score` and `casa models promote`",
    "cluster": "`casa rollout`, and `casa retrain` on Kubernetes",
}
"""What the extras that serving does without are for."""
PROGRAMS = {
    "git": "notes in a model which code made it",
    "docker": "builds and runs the images",
    "helm": "installs the chart on Kubernetes",
    "kubectl": "looks at a cluster",
}
"""What other programs are for; Casa itself runs without them."""


class Check(NamedTuple):
    """What was looked at, what was found, and what to do about it; without a remedy all is well."""

    name: str
    found: str
    remedy: str = ""
    needed: bool = True


def check_python() -> Check:
    """Is it a Python that Casa is tested with?"""
    found = ".".join(map(str, sys.version_info[:3]))
    good = PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]
    return Check("Python", found, "" if good else "install Python 3.11, 3.12 or 3.13, and set up .venv with it")


def check_packages() -> Iterator[Check]:
    """Are the packages here, each in a version that Casa works with?"""
    for extra in ("serve", "train", "cluster"):
        wrong = [trouble for trouble in map(_trouble, _requirements(extra)) if trouble]
        remedy = f"`make setup` in the project, or its wheel with [{extra}]" if wrong else ""
        needed = extra not in OFTEN
        purpose = "" if needed else f", for {OFTEN[extra]}"
        yield Check(f"packages to {extra}", f"{', '.join(wrong) or 'all here'}{purpose}", remedy, needed)
    opt_out()  # ONNX Runtime is about to be imported
    broken = [name for name in COMPILED if not _runs(name)]
    remedy = f"install {' and '.join(broken)} again: the copy here is not made for this machine" if broken else ""
    yield Check("machine code", ", ".join(broken) or "runs", remedy)


def check_ports(settings: Settings) -> Iterator[Check]:
    """Are the ports free, or Casa's already?"""
    if answers(Address("127.0.0.1", settings.http_port), "/livez"):
        yield Check("ports", f"a service answers at {settings.http_port} already")
        return
    for port, setting in ((settings.http_port, "CASA_HTTP_PORT"), (settings.grpc_port, "CASA_GRPC_PORT")):
        try:
            open_address("127.0.0.1", port, choose=setting)
            yield Check("port", f"{port}, free")
        except CasaError as error:
            yield Check("port", f"{port}, taken", str(error))


def check_folders(settings: Settings) -> Iterator[Check]:
    """May Casa write where it keeps models and its own data?"""
    store = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")
    for name, folder, setting in (("model store", store, "BENTOML_HOME"), ("data", settings.data_dir, "CASA_DATA_DIR")):
        existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        good = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        remedy = "" if good else f"make {existing} a folder this user may write to, or set {setting}"
        yield Check(f"{name} folder", str(folder), remedy)


def check_model() -> Check:
    """Is there a model to serve, whole and made for this declaration of a house?"""
    from casa.cli.served import load_served

    try:
        return Check("model", f"{load_served().version}, whole")
    except NotFound as error:
        return Check("model", "none to serve", str(error))
    except CasaError as error:
        return Check("model", str(error), "train one by `casa train`, or name another in CASA_MODEL_VERSION")


def check_mlflow() -> Check:
    """Does the place answer where training notes its runs?"""
    from casa.model.registry import CHAMPION, Registry, tracking_uri

    uri = tracking_uri(Path.cwd())
    place = urlsplit(uri).netloc.rpartition("@")[2] or uri  # without a password
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return Check("MLflow", f"no {place} yet; training makes it", needed=False)
    try:
        Registry(uri).alias(CHAMPION)
    except (CasaError, ImportError) as error:
        return Check("MLflow", str(error), "start it, or set MLFLOW_TRACKING_URI", needed=False)
    return Check("MLflow", f"{place} answers", needed=False)


def check_programs() -> Iterator[Check]:
    """Which of the programs are here that some work needs?"""
    for name, purpose in PROGRAMS.items():
        where = shutil.which(name)
        yield Check(name, where or purpose, "" if where else f"install {name} if you need that", needed=False)


def _requirements(extra: str) -> list[str]:
    """Casa's own needs and an extra's, as its metadata has them."""
    from packaging.requirements import Requirement

    try:
        declared = [Requirement(line) for line in requires("casa") or []]
    except PackageNotFoundError:
        return ["casa"]
    return [str(need) for need in declared if need.marker is None or need.marker.evaluate({"extra": extra})]


def _trouble(requirement: str) -> str:
    from packaging.requirements import Requirement

    need = Requirement(requirement)
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return f"no {need.name}"
    return "" if need.specifier.contains(found, prereleases=True) else f"{need.name} {found}, not {need.specifier}"


def _runs(name: str) -> bool:
    try:
        import_module(name)
    except (ImportError, OSError):  # the second: a library of the system that is missing
        return False
    return True
