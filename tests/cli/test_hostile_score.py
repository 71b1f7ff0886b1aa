"""`casa score` on hostile tables: words, never a traceback, and the same verdict as `casa predict`."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casa.house import HOUSE
from tests.cli.shell import EXAMPLE, casa

pytestmark = pytest.mark.usefixtures("store")
PROPERTY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ODD = ["", " ", "NA", "-nan", "nan(1)", "inf", "1e400", "1_0", "٣", "0x1", "+6.5", " 6.5\u00a0", "a,b", '"', "6\n5"]
CELLS = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
)
HOUSES = st.dictionaries(st.sampled_from(HOUSE.names), CELLS, max_size=3).map(
    lambda cells: [*{**EXAMPLE, **cells}.values()]
)
RAGGED = st.lists(CELLS, max_size=15)


def table(rows: list[list[str]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([[*EXAMPLE], *rows])
    return text.getvalue().encode()


def score(folder: Path, content: bytes) -> tuple[int, str]:
    (folder / "in.csv").write_bytes(content)
    result = casa("score", folder / "in.csv", folder / "out.csv", "--overwrite")
    assert isinstance(result.exception, SystemExit | None)
    return result.exit_code, result.stdout


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@PROPERTY
@given(st.lists(st.one_of(HOUSES, RAGGED), min_size=1, max_size=5))
def test_it_prices_and_refuses_what_predict_does(tmp_path: Path, rows: list[list[str]]) -> None:
    content = table([*rows, [*EXAMPLE.values()], ["1"]])
    score(tmp_path, content)
    predicted = list(csv.DictReader(StringIO(casa("predict", "-", stdin=content).stdout)))
    prices = [float(row["price"]) for row in read(tmp_path / "out.csv") if row["price"]]
    assert prices == [float(row["price"]) for row in predicted if row["price"]]
    refused = {row["row"] for row in read(tmp_path / "out.errors.csv")}
    assert refused == {row["row"] for row in predicted if row["error"]}


@PROPERTY
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_end_in_words(tmp_path: Path, content: bytes, headed: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    code, told = score(tmp_path, (table([[*EXAMPLE.values()]]) if headed else b"") + content)
    assert (code, told) == (1, "") or "rows: " in told
