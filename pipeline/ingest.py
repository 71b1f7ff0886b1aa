"""Fetch a table of houses and write it as data/raw.csv, its profile beside it as reports/eda.html.

Where it comes from is `ingest.source` in params.yaml:
  bundled  the 506 houses that the mlxtend package carries; needs no network
  kaggle   altavish/boston-housing-dataset, with kaggle.json or KAGGLE_USERNAME and KAGGLE_KEY
  csv      the file or the http(s) address in `ingest.path`

Example: python -m pipeline.ingest
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse, IncompleteRead, InvalidURL
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from zipfile import ZipFile, is_zipfile

import numpy as np
from mlxtend.data import boston_housing_data
from pandas import DataFrame

from casa.errors import CasaError, InvalidTable, SourceUnavailable
from casa.house import HOUSE, Declaration
from casa.table import missing_columns, shorten
from casa.telemetry import opt_out
from pipeline.params import Ingest, Params
from pipeline.stage import apart, say, stage, working
from pipeline.table import MAX_BYTES, read_header, read_table, write_file, write_table

BUNDLED = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT", "MEDV")
"""The columns of mlxtend's table, which has no header, in the order its documentation gives."""

KAGGLE_DATASET = "altavish/boston-housing-dataset"
KAGGLE_FILE = "HousingData.csv"
KAGGLE_SECONDS = 120.0
CREDENTIALS = "save kaggle.json from kaggle.com/settings in ~/.kaggle, or set KAGGLE_USERNAME and KAGGLE_KEY"

SILENCE_SECONDS = 10.0
"""How long a server may say nothing."""
DOWNLOAD_SECONDS = 300.0
"""How long a whole download may take, however steadily it drips."""

NO_REPORT = "<!doctype html><title>No report</title><p>The report is switched off by ingest.eda_report.</p>\n"


def run(params: Params, folder: Path, *, declaration: Declaration = HOUSE) -> None:
    """The stage, on the files under `folder`; after an error they are as they were."""
    houses = fetch(params.ingest, folder, declaration=declaration)
    report = profile(houses) if params.ingest.eda_report else NO_REPORT
    write_table(houses, folder / "data/raw.csv")
    write_file(report.encode(), folder / "reports/eda.html")


def fetch(knobs: Ingest, folder: Path, *, declaration: Declaration = HOUSE) -> DataFrame:
    """The table from its source: the declared columns in their order, float64, at least one row."""
    if knobs.source == "bundled":
        return bundled(declaration)
    with TemporaryDirectory(prefix="casa-") as scratch:
        path, name = _bring(knobs, folder, Path(scratch))
        return read_houses(path, name=name, declaration=declaration)


def bundled(declaration: Declaration = HOUSE) -> DataFrame:
    """The 506 houses of the mlxtend package, complete."""
    features, prices = boston_housing_data()
    houses = DataFrame(np.column_stack([features, prices]), columns=BUNDLED)
    if missing := [column for column in declaration.columns if column not in houses]:
        raise missing_columns("the bundled table", missing)
    return houses[list(declaration.columns)]


def read_houses(path: Path, *, name: str, declaration: Declaration = HOUSE) -> DataFrame:
    """The declared columns of a CSV file; other columns are left out and named on stderr."""
    houses = read_table(path, columns=declaration.columns, name=name)
    if houses.empty:
        raise InvalidTable(f"{name} has a header and no rows")
    known = {column.casefold() for column in declaration.columns}
    if others := [title for title in read_header(path, name=name) if title.casefold() not in known]:
        more = f" and {len(others) - 10} more" if len(others) > 10 else ""
        say(f"{name}: left out what is no column of a house: {', '.join(map(shorten, others[:10]))}{more}")
    return houses


def _bring(knobs: Ingest, folder: Path, scratch: Path) -> tuple[Path, str]:
    """The file to read, fetched into `scratch` if it is not here, and what to call it."""
    if knobs.source == "kaggle":
        return pull_kaggle(scratch), f"Kaggle's {KAGGLE_FILE}"
    place = knobs.path or ""
    if "://" not in place:
        return folder / place, place
    download(place, scratch / "table.csv")
    return scratch / "table.csv", _discreet(place)


def download(
    url: str,
    path: Path,
    *,
    silence_seconds: float = SILENCE_SECONDS,
    max_bytes: int = MAX_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Save what an http(s) address answers; SourceUnavailable unless all of it came in time."""
    name = _discreet(url)
    if not url.lower().startswith(("http://", "https://")):
        raise SourceUnavailable(f"{name} cannot be fetched: give a file or an http(s) address")
    try:
        with working(f"fetching {name}"), urlopen(_request(url), timeout=silence_seconds) as answer:
            _save(_chunks(answer, max_bytes=max_bytes, clock=clock), path)
    except (OSError, HTTPException, ValueError) as error:
        raise SourceUnavailable(f"{name} {_trouble(error)}") from error


def _request(url: str) -> Request:
    return Request(url, headers={"User-Agent": "casa", "Accept": "text/csv, */*"})


def _chunks(answer: object, *, max_bytes: int, clock: Callable[[], float]) -> Iterator[bytes]:
    """The body as it arrives; an OSError says why it is not all of it."""
    if not isinstance(answer, HTTPResponse):
        raise OSError("led away from http(s)")
    deadline, expected, received = clock() + DOWNLOAD_SECONDS, answer.length, 0
    large = OSError(f"it is larger than {max_bytes:,} bytes")
    if expected is not None and expected > max_bytes:
        raise large
    while received != expected and (chunk := answer.read1(65_536)):
        received += len(chunk)
        if received > max_bytes:
            raise large
        if clock() > deadline:
            raise OSError(f"it takes longer than {DOWNLOAD_SECONDS:g} s")
        yield chunk
    if expected is not None and received < expected:
        raise OSError(f"{received:,} of {expected:,} bytes came; try again")


def _save(chunks: Iterator[bytes], path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)


def _trouble(error: Exception) -> str:
    """What happened, in words that leave out whatever a server may have put into the error."""
    match error:
        case HTTPError():
            error.close()
            return f"answers {error.code}: check the address"
        case URLError():
            return f"cannot be reached: {error.reason}"
        case IncompleteRead():
            return "was not fetched whole: the connection broke off; try again"
        case OSError():
            return f"was not fetched whole: {error}"
        case InvalidURL() | ValueError():
            return "is no usable address"
    return "does not answer in HTTP"


def _discreet(url: str) -> str:
    """The address without what may be secret in it: a password, a signed query."""
    scheme, _, rest = url.partition("?")[0].partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def pull_kaggle(folder: Path, *, seconds: float = KAGGLE_SECONDS) -> Path:
    """Kaggle's file, fetched into the folder by Kaggle's own package with the credentials it finds."""
    with working(f"fetching {KAGGLE_DATASET} from Kaggle"):
        # The package knows no time limit, prints, and may end its process: it gets one of its own.
        try:
            return apart(_pull, folder, seconds=seconds)
        except TimeoutError as error:
            raise SourceUnavailable(f"Kaggle did not deliver {KAGGLE_FILE} in {seconds:g} s: try again") from error


def _pull(folder: Path) -> Path:
    try:
        from kaggle import api

        api.authenticate()  # again: on import, its failure is swallowed
        api.dataset_download_file(KAGGLE_DATASET, KAGGLE_FILE, path=str(folder), force=True)
        return _unpack(next(folder.iterdir()))
    except SystemExit as error:
        raise SourceUnavailable(
            f"Kaggle's credentials were not found, or it did not accept them: {CREDENTIALS}"
        ) from error
    except Exception as error:  # the package wraps nothing: requests, json, zipfile and its own errors come through
        raise SourceUnavailable(_kaggle_trouble(error)) from error


def _unpack(path: Path) -> Path:
    """The table; Kaggle sends some files zipped."""
    if not is_zipfile(path):
        return path
    with ZipFile(path) as archive:
        member = archive.getinfo(KAGGLE_FILE)
        if member.file_size > MAX_BYTES:
            raise ValueError("the file in the archive is too large")
        return Path(archive.extract(member, path.parent / "unpacked"))


def _kaggle_trouble(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"Kaggle does not accept the credentials (it answers {status}): {CREDENTIALS}"
    if status is not None:
        return f"Kaggle answers {status} for {KAGGLE_DATASET}: try again later, or use another ingest.source"
    if isinstance(error, OSError):  # those of requests too
        return (
            f"Kaggle cannot be reached, or broke off ({type(error).__name__}): try again, or use another ingest.source"
        )
    return f"Kaggle's package fails ({type(error).__name__}: {error}): use another ingest.source"


def profile(houses: DataFrame) -> str:
    """The report of ydata-profiling: one HTML page that loads nothing from anywhere."""
    with working("profiling the table, which takes 20 s or more"):
        # In a process of its own: the package changes warnings, pandas and pathlib wherever it is imported.
        return apart(_profile, houses, seconds=None)


def _profile(houses: DataFrame) -> str:
    opt_out()
    try:
        from ydata_profiling import ProfileReport

        return str(ProfileReport(houses, title="Houses", progress_bar=False).to_html())
    except Exception as error:  # a table it stumbles over must end in a sentence
        raise CasaError(f"no profile ({type(error).__name__}: {error}): set ingest.eda_report to false") from error


if __name__ == "__main__":
    stage(__doc__, run)
