"""Ingestion: what becomes a table, what is refused and in which words, and that a refusal changes nothing."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from casa.errors import CasaError, InvalidSettings, InvalidTable, SourceUnavailable
from casa.house import HOUSE, Feature
from casa.table import MAX_LINE
from pipeline.ingest import bundled, download, fetch, profile, pull_kaggle, read_houses, run
from pipeline.params import Ingest, Params, load_params
from pipeline.table import read_table, write_file, write_table

ROOT = Path(__file__).parents[2]
HEADER = ",".join(HOUSE.columns)
ROW = ",".join(f"{feature.example:g}" for feature in HOUSE.features) + ",24"
TABLE = f"{HEADER}\n{ROW}\n{ROW}\n"
WITH_POOL = replace(HOUSE, features=(*HOUSE.features, Feature("POOL", "a pool", "m2", 0, 100, 20)))


def knobs(source: str, path: str | None = None) -> Ingest:
    return Ingest.model_validate({"source": source, "path": path, "eda_report": False})


def params(source: str, path: str | None = None) -> Params:
    return load_params(ROOT / "params.yaml").model_copy(update={"ingest": knobs(source, path)})


def read(content: bytes | str) -> DataFrame:
    """What a file with this content becomes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "houses.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_houses(path, name="houses.csv")


def refusal(content: bytes | str) -> str:
    with pytest.raises(InvalidTable) as error:
        read(content)
    return str(error.value)


def with_cell(cell: str) -> str:
    """A table whose second house has this for NOX."""
    cells = ROW.split(",")
    return f"{HEADER}\n{ROW}\n{','.join([*cells[:4], cell, *cells[5:]])}\n"


# What a good table becomes


def test_the_bundled_table_is_the_whole_of_boston() -> None:
    houses = bundled()
    assert houses.shape == (506, 14)
    assert list(houses.columns) == list(HOUSE.columns)
    assert not houses.isna().any().any()


def test_a_table_has_the_declared_columns_as_floats() -> None:
    houses = read(TABLE)
    assert list(houses.columns) == list(HOUSE.columns)
    assert set(houses.dtypes) == {np.dtype("float64")}


def test_order_case_blanks_and_byte_order_mark_of_the_header_do_not_matter() -> None:
    header = ", ".join(column.lower() for column in reversed(HOUSE.columns))
    row = ",".join(reversed(ROW.split(",")))
    assert read(f"\ufeff{header} \r\n{row}\r\n").equals(read(f"{HEADER}\n{ROW}\n"))


@pytest.mark.parametrize("cell", ["", " ", "NA", "NaN", "nan", "null", "N/A"])
def test_an_empty_word_is_a_missing_cell(cell: str) -> None:
    assert read(with_cell(cell))["NOX"].isna().tolist() == [False, True]


def test_blank_lines_are_no_rows() -> None:
    assert len(read(f"\n{HEADER}\n\n{ROW}\n   \n{ROW}\n\n")) == 2


def test_unknown_columns_are_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    houses = read(f"{HEADER},[red]note\n{ROW},cheap\n")
    assert "'[red]note'" in capsys.readouterr().err
    assert list(houses.columns) == list(HOUSE.columns)


def test_a_fourteenth_feature_is_read_by_its_declaration_alone(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text(f"POOL,{HEADER}\n30,{ROW}\n")
    houses = read_houses(tmp_path / "houses.csv", name="houses.csv", declaration=WITH_POOL)
    assert houses["POOL"].tolist() == [30.0]
    assert list(houses.columns) == list(WITH_POOL.columns)


def test_the_bundled_table_lacks_a_fourteenth_feature() -> None:
    with pytest.raises(InvalidTable, match="the bundled table lacks the column POOL"):
        bundled(WITH_POOL)


# What is refused


def image(kind: bytes) -> bytes:
    return kind + bytes(range(256))


def archive(name: str, content: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, content)
    return buffer.getvalue()


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "houses.csv is empty"),
    "blank": ("\n \n", "houses.csv is empty"),
    "header only": (HEADER, "houses.csv has a header and no rows"),
    "png": (image(b"\x89PNG\r\n"), "is a PNG image"),
    "zip": (archive("a.csv", TABLE), "is a zip archive"),
    "parquet": (image(b"PAR1"), "is a Parquet file"),
    "binary": (b"\x01\x00\x02", "is a binary file"),
    "html": ("\n<!DOCTYPE html><p>Sign in", "is a web page"),
    "utf-16": (TABLE.encode("utf-16"), "is UTF-16 text"),
    "latin-1": (f"{HEADER},caf\xe9\n".encode("latin-1"), "is not in UTF-8"),
    "late latin-1": ((TABLE + f"{ROW}\n" * 200 + "\xe9").encode("latin-1"), "is not in UTF-8"),
    "columns missing": (TABLE.replace("RM,", "X,").replace("MEDV", "Y"), "lacks the columns RM, MEDV"),
    "column doubled": (f"{HEADER},medv\n{ROW},24\n", "has more than one column MEDV"),
    "long row": (f"{TABLE}{ROW},1\n", "row 4: 15 cells under a header of 14"),
    "short row": (f"{TABLE}1,2\n", "row 4: 2 cells under a header of 14"),
    "text": (with_cell("high"), "row 3, column NOX: 'high' is not a finite number"),
    "long text": (with_cell("x" * 500), f"'{'x' * 40}…' is not"),
    "escape": (with_cell("\x1b[31m"), r"'\x1b[31m' is not"),
    "underscore": (with_cell("1_0"), "'1_0' is not"),
    "arabic digits": (with_cell("\u0661"), "is not a finite number"),
    "infinity": (with_cell("-inf"), "'-inf' is not a finite number"),
    "overflow": (with_cell("1e999"), "'1e999' is not a finite number"),
    "semicolons": (TABLE.replace(",", ";"), "has semicolons between its cells"),
    "tabs": (TABLE.replace(",", "\t"), "has tabs between its cells"),
    "open quote": (f'{TABLE}"', "is no CSV file: unexpected end of data, after row 3"),
    "one long line": ("a" * MAX_LINE, "a line of more than"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_table_is_refused_with_its_reason(content: bytes | str, words: str) -> None:
    sentence = refusal(content)
    assert words in sentence
    assert sentence.isprintable()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no file none.csv"):
        fetch(knobs("csv", "none.csv"), tmp_path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="is a folder, not a file"):
        fetch(knobs("csv", str(tmp_path)), tmp_path)


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(InvalidTable, match="larger than 200 MB"):
        fetch(knobs("csv", "large.csv"), tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_a_table_or_a_sentence(content: bytes) -> None:
    with pytest.raises(CasaError):
        read(content)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=100), st.text(max_size=100))
def test_no_text_in_header_or_rows_ends_in_anything_but_a_table_or_a_sentence(header: str, row: str) -> None:
    try:
        assert len(read(f"{HEADER},{header}\n{ROW},{row}\n".encode(errors="surrogatepass"))) >= 1
    except CasaError as error:
        assert "\n" not in str(error)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_a_cell_is_a_finite_number_or_missing_or_refused(cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    try:
        assert not np.isinf(read(with_cell(quoted).encode(errors="surrogatepass"))["NOX"]).any()
    except CasaError as error:
        assert "NOX" in str(error) or "UTF-8" in str(error)


# Over the network


class Site(BaseHTTPRequestHandler):
    """A web server with good and bad habits, one a path."""

    stop = Event()
    asked: ClassVar[list[str]] = []
    stored = "houses.csv"

    def do_CONNECT(self) -> None:
        self._answer(502)

    def do_GET(self) -> None:
        getattr(self, f"_{Path(self.path.partition('?')[0]).stem}")()

    def do_POST(self) -> None:
        """Kaggle's endpoint, which leads to the file as the real one does."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(302, Location=f"http://storage.test/{self.stored}?signature=1")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _houses(self) -> None:
        self._answer(200, TABLE.encode())

    def _cut(self) -> None:
        self._answer(200, TABLE.encode(), Content_Length="5000")

    def _huge(self) -> None:
        self._answer(200, Content_Length=str(10**12))

    def _chunked(self) -> None:
        self._chunks(TABLE.encode(), end=b"0\r\n\r\n")

    def _torn(self) -> None:
        self._chunks(TABLE.encode(), end=b"5000\r\nhalf a chunk")

    def _chunks(self, body: bytes, *, end: bytes) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body) + end)
        self.close_connection = True

    def _zipped(self) -> None:
        self._answer(200, archive("HousingData.csv", TABLE))

    def _denied(self) -> None:
        self._answer(403)

    def _gone(self) -> None:
        self._answer(404)

    def _round(self) -> None:
        self._answer(302, Location="/round")

    def _away(self) -> None:
        self._answer(302, Location="file:///etc/hostname")

    def _page(self) -> None:
        self._answer(200, b"<html>Please sign in</html>")

    def _mute(self) -> None:
        self.stop.wait()

    def _rude(self) -> None:
        self.wfile.write(b"220 ready\r\n")

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.requestline)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a running Site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Site.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("page", ["houses.csv", "chunked"])
def test_an_address_is_read_like_a_file(site: str, tmp_path: Path, page: str) -> None:
    assert fetch(knobs("csv", f"{site}/{page}"), tmp_path).equals(read(TABLE))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("cut", "of 5,000 bytes came"),
        ("torn", "the connection broke off"),
        ("huge", "larger than 209,715,200 bytes"),
        ("gone", "answers 404: check the address"),
        ("round", "answers 302"),
        ("away", "answers 302"),
        ("rude", "does not answer in HTTP"),
        ("page", "is a web page"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(site: str, tmp_path: Path, page: str, words: str) -> None:
    with pytest.raises((SourceUnavailable, InvalidTable), match=words):
        fetch(knobs("csv", f"{site}/{page}"), tmp_path)


def test_a_silent_server_is_left_in_time(site: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="timed out"):
        download(f"{site}/mute", tmp_path / "table.csv", silence_seconds=0.05)


def test_a_dripping_server_is_left_in_time(site: str, tmp_path: Path) -> None:
    hours = count(step=3600.0)
    with pytest.raises(SourceUnavailable, match="takes longer than 300 s"):
        download(f"{site}/houses.csv", tmp_path / "table.csv", clock=lambda: next(hours))


def test_a_body_of_unknown_length_is_left_at_the_limit(site: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="larger than 50 bytes"):
        download(f"{site}/chunked", tmp_path / "table.csv", max_bytes=50)


def test_a_refused_connection_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"127.0.0.1:9/a.csv cannot be reached: .*refused"):
        fetch(knobs("csv", "http://127.0.0.1:9/a.csv"), tmp_path)


@pytest.mark.parametrize("place", ["ftp://a.test/x", "file:///etc/hostname", "http://", "http://[::1", "http://a:b/"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(SourceUnavailable):
        fetch(knobs("csv", place), tmp_path)


def test_a_refusal_keeps_the_secrets_of_an_address(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as error:
        fetch(knobs("csv", "http://me:hush@127.0.0.1:9/a.csv?token=hush"), tmp_path)
    assert "hush" not in str(error.value)


# Kaggle


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom Kaggle does not know."""
    for name in ("USERNAME", "KEY", "API_TOKEN", "CONFIG_DIR", "API_ENVIRONMENT"):
        monkeypatch.delenv(f"KAGGLE_{name}", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def kaggler(stranger: None, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a key. The package's local endpoint has a fixed port, so the Site stands in as its proxy."""
    kaggle = {"KAGGLE_USERNAME": "ann", "KAGGLE_KEY": "0" * 32, "KAGGLE_API_ENVIRONMENT": "LOCALHOST"}
    for name, value in (kaggle | {"http_proxy": site, "no_proxy": "", "NO_PROXY": ""}).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("stranger")
def test_kaggle_without_credentials_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"kaggle.json .*KAGGLE_USERNAME and KAGGLE_KEY"):
        fetch(knobs("kaggle"), tmp_path)


@pytest.mark.usefixtures("kaggler")
@pytest.mark.parametrize("stored", ["houses.csv", "zipped.csv"])
def test_kaggles_file_is_read_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str) -> None:
    monkeypatch.setattr(Site, "stored", stored)
    assert fetch(knobs("kaggle"), tmp_path).equals(read(TABLE))


@pytest.mark.usefixtures("kaggler")
@pytest.mark.parametrize(("stored", "words"), [("gone", "Kaggle answers 404"), ("denied", "the credentials .*403")])
def test_kaggles_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str, words: str) -> None:
    monkeypatch.setattr(Site, "stored", stored)
    with pytest.raises(SourceUnavailable, match=words):
        fetch(knobs("kaggle"), tmp_path)


@pytest.mark.usefixtures("kaggler")
def test_kaggle_is_left_in_time(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="did not deliver HousingData.csv in 0.01 s"):
        pull_kaggle(tmp_path, seconds=0.01)


# The stage


@pytest.fixture(scope="module")
def profiled(site: str) -> Iterator[tuple[str, list[str]]]:
    """A profile of a table with an empty column, and what was asked of the network while it was made."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("http_proxy", "https_proxy"):
            environment.setenv(name, site)
        environment.delenv("no_proxy", raising=False)
        Site.asked.clear()
        yield profile(read(TABLE).assign(NOX=np.nan)), list(Site.asked)


def test_a_profile_is_one_page_that_loads_nothing(profiled: tuple[str, list[str]]) -> None:
    page, _ = profiled
    assert "MEDV" in page
    assert not re.findall(r"""(?:src=|@import|url\()["']?\s*(?:https?:)?//""", page)
    assert not re.findall(r"<link[^>]*https?:", page)


def test_a_profile_asks_nothing_of_the_network(profiled: tuple[str, list[str]]) -> None:
    _, asked = profiled
    assert not asked


def test_the_stage_writes_the_table_and_a_page_that_says_there_is_no_report(tmp_path: Path) -> None:
    run(params("bundled"), tmp_path)
    assert read_table(tmp_path / "data/raw.csv").equals(bundled())
    assert "switched off by ingest.eda_report" in (tmp_path / "reports/eda.html").read_text()


def test_a_refused_source_leaves_the_old_table(tmp_path: Path) -> None:
    run(params("bundled"), tmp_path)
    (tmp_path / "bad.csv").write_text(with_cell("high"))
    with pytest.raises(InvalidTable):
        run(params("csv", "bad.csv"), tmp_path)
    assert read_table(tmp_path / "data/raw.csv").equals(bundled())


def test_a_local_path_starts_at_the_stages_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(TABLE)
    run(params("csv", "mine.csv"), tmp_path)
    assert len(read_table(tmp_path / "data/raw.csv")) == 2


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m pipeline.ingest` in a folder, warnings being errors."""
    line = [sys.executable, "-W", "error", "-m", "pipeline.ingest", *arguments]
    return subprocess.run(
        line, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_the_command_fails_with_one_sentence(tmp_path: Path) -> None:
    answer = command(tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        "ingest: params.yaml cannot be read (No such file or directory): run from the project's folder\n"
    )


def test_the_command_helps_with_an_example(tmp_path: Path) -> None:
    assert "Example: python -m pipeline.ingest" in command(tmp_path, "--help").stdout


def test_the_command_ingests_in_silence(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text().replace("report: true", "report: false"))
    answer = command(tmp_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert (tmp_path / "data/raw.csv").exists()


# Files


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(allow_infinity=False), min_size=1))
def test_a_table_reads_back_to_the_same_bits(numbers: list[float]) -> None:
    with TemporaryDirectory() as folder:
        write_table(DataFrame({"a": numbers, "b": numbers[::-1]}), Path(folder) / "t.csv")
        assert read_table(Path(folder) / "t.csv")["a"].to_numpy().tobytes() == _canonical(numbers)


def _canonical(numbers: list[float]) -> bytes:
    return np.array([math.nan if math.isnan(number) else number for number in numbers]).tobytes()


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").mkdir()
    with pytest.raises(CasaError, match=r"raw.csv cannot be written: Is a directory"):
        write_file(b"rows", tmp_path / "raw.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["raw.csv"]


# Knobs


def params_with(tmp_path: Path, old: str, new: str) -> Path:
    """params.yaml with one thing changed."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text().replace(old, new, 1))
    return tmp_path / "params.yaml"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("draws:", "drws:", "train.drws is no knob of the pipeline; did you mean train.draws?"),
        ("ingest:", "ingset:", "ingset is no knob of the pipeline; did you mean ingest?"),
        ("draws: 50", "draws: 0", "train.draws cannot be used: Input should be greater than or equal to 1"),
        ("draws: 50", "draws: yes", "train.draws cannot be used: Input should be a valid integer"),
        ("test_share: 0.2", "", "prepare.test_share is missing"),
        ("source: bundled", "source: csv", "ingest cannot be used: source is csv, so path must name a file"),
        ("source: bundled", "source: bundle", "ingest.source cannot be used"),
        ("validate:\n  max_bad_share: 0.05", "validate: 3", "validate must be a section with its own knobs"),
        ("train:", "train: [", "is not YAML: look at line"),
    ],
)
def test_a_wrong_knob_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        load_params(params_with(tmp_path, old, new))
    assert words in str(error.value)
