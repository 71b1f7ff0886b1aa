"""`casa score`: prices for tables of any length."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from casa.house import HOUSE
from tests.cli.shell import EXAMPLE, ROOT, at_terminal, casa, start, write_csv
from tests.servers import until

pytestmark = pytest.mark.usefixtures("store")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_parquet(path: Path, count: int, **columns: pa.Array) -> Path:
    houses = {name: pa.array([value] * count, pa.float64()) for name, value in HOUSE.example.items()}
    pq.write_table(pa.table({**houses, **columns}), path)
    return path


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A good house, one with two flaws, a row that is too short, a blank one, and a good one again."""
    path = write_csv(
        tmp_path / "in.csv", [{**EXAMPLE, "id": "007"}, {**EXAMPLE, "RM": "12", "B": "x", "id": 'a "b", c'}]
    )
    with path.open("a") as file:
        file.write(f"1,2\n\n{','.join(EXAMPLE.values())},9\n")
    return path


def test_every_column_is_kept_as_it_was(houses: Path, tmp_path: Path) -> None:
    assert casa("score", houses, tmp_path / "out.csv").exit_code == 0
    given_rows, priced = [row for row in read(houses) if row["ZN"] != "2"], read(tmp_path / "out.csv")
    assert [{name: row[name] for name in given_rows[0]} for row in priced] == given_rows
    assert [bool(row["price"]) for row in priced] == [True, False, True]


def test_prices_are_those_of_predict(houses: Path, tmp_path: Path) -> None:
    casa("score", houses, tmp_path / "out.csv")
    predicted = list(csv.DictReader(casa("predict", houses).stdout.splitlines()))
    expected = [float(row["price"]) for row in predicted if row["price"]]
    assert [float(row["price"]) for row in read(tmp_path / "out.csv") if row["price"]] == expected


def test_what_is_refused_is_named_beside_the_results(houses: Path, tmp_path: Path) -> None:
    result = casa("score", houses, tmp_path / "out.csv")
    assert result.stdout.startswith(f"4 rows: 2 priced, 2 refused ({tmp_path / 'out.errors.csv'}), ")
    assert [tuple(row.values()) for row in read(tmp_path / "out.errors.csv")] == [
        ("3", "RM", "'12'", "Input should be less than or equal to 9"),
        ("3", "B", "'x'", "Input should be a valid number"),
        ("4", "", "2 cells", "the header has 14"),
    ]


def test_nothing_refused_leaves_no_errors_file(tmp_path: Path) -> None:
    (tmp_path / "out.errors.csv").write_text("of an earlier run")
    casa("score", write_csv(tmp_path / "in.csv", [EXAMPLE]), tmp_path / "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_parquet_and_csv_give_the_same_prices(tmp_path: Path) -> None:
    source = write_parquet(
        tmp_path / "in.parquet", 3, note=pa.array(["a", None, 'b"'], pa.dictionary(pa.int8(), pa.string()))
    )
    for kind in ("csv", "parquet"):
        assert casa("score", source, tmp_path / f"out.{kind}").exit_code == 0
    prices = pq.read_table(tmp_path / "out.parquet")["price"].to_pylist()
    assert [float(row["price"]) for row in read(tmp_path / "out.csv")] == prices
    assert [row["note"] for row in read(tmp_path / "out.csv")] == ["a", "", 'b"']


def test_features_are_numbers_in_parquet(houses: Path, tmp_path: Path) -> None:
    casa("score", houses, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["RM"].to_pylist() == [6.575, 12.0, 6.575]
    assert table["B"].to_pylist() == [396.9, None, 396.9]
    assert table["id"].to_pylist() == ["007", 'a "b", c', "9"]


def test_gaps_of_a_parquet_file_are_gaps(tmp_path: Path) -> None:
    gaps = {"ZN": pa.array([None, float("nan")]), "RM": pa.array([None, 6.5])}
    casa("score", write_parquet(tmp_path / "in.parquet", 2, **gaps), tmp_path / "out.csv")
    assert [tuple(row.values()) for row in read(tmp_path / "out.errors.csv")] == [("1", "RM", "", "Field required")]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float32(), pa.decimal128(6, 1), pa.string(), pa.large_string()])
def test_numbers_of_any_type_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    rooms = pa.array([6.0]).cast(pa.string()).cast(kind)
    casa("score", write_parquet(tmp_path / "in.parquet", 1, RM=rooms), tmp_path / "out.csv")
    casa("score", write_parquet(tmp_path / "in.parquet", 1, RM=pa.array([6.0])), tmp_path / "same.csv")
    assert read(tmp_path / "out.csv")[0]["price"] == read(tmp_path / "same.csv")[0]["price"]


def test_a_column_of_other_things_is_refused(tmp_path: Path) -> None:
    result = casa("score", write_parquet(tmp_path / "in.parquet", 1, RM=pa.array([True])), tmp_path / "out.csv")
    assert (
        result.stderr
        == f"casa: {tmp_path / 'in.parquet'}, column RM: it holds values of type bool instead of numbers\n"
    )


def test_without_a_good_row_the_exit_code_is_1(tmp_path: Path) -> None:
    assert casa("score", write_csv(tmp_path / "in.csv", [{**EXAMPLE, "RM": "x"}]), tmp_path / "out.csv").exit_code == 1


def test_results_that_are_there_stay_unless_told(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [EXAMPLE])
    (tmp_path / "out.csv").write_text("mine")
    assert "--overwrite" in casa("score", source, tmp_path / "out.csv").stderr
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert casa("score", source, tmp_path / "out.csv", "--overwrite").exit_code == 0


@pytest.mark.parametrize(("source", "out"), [("in.csv", "./in.csv"), ("in.csv", "link.csv"), ("a.errors.csv", "a.csv")])
def test_the_source_is_never_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, out: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / source, [EXAMPLE])
    (tmp_path / "link.csv").symlink_to(tmp_path / source)
    result = casa("score", source, out, "--overwrite")
    assert result.stderr == f"casa: the results would overwrite {source}: choose another OUT\n"


CUT = b"PAR1" + b"x" * 100


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("in.parquet", b"", "damaged"),
        ("in.parquet", CUT, "damaged"),
        ("in.csv", CUT, "is a Parquet file"),
        ("in.csv", b"", "is empty"),
        ("in.csv", b"a,b\n1,2\n", "lacks the columns CRIM"),
        ("in.csv", ",".join(EXAMPLE).encode(), "has a header and no rows"),
        ("in.csv", ",".join(EXAMPLE).encode() + b"\n\n", "has a header and no rows"),
        ("in.csv", ",".join([*EXAMPLE, "price"]).encode() + b"\n", "has a column price already"),
        ("in.csv", ",".join(EXAMPLE).encode() + b"\n" + b"1," * 12 + b"\xff\n", "is not in UTF-8"),
        ("in.csv", ",".join(EXAMPLE).encode() + b'\n"' + b"1,\n" * 1_000_000, "a quotation mark that is never closed"),
        ("in.txt", b"", "ends in .txt: name a file that ends in .csv or .parquet"),
    ],
)
def test_a_malformed_file_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    result = casa("score", tmp_path / name, tmp_path / "out.csv")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert sentence in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "out.csv"
    result = casa("score", write_csv(tmp_path / "in.csv", [EXAMPLE]), out)
    assert result.stderr == f"casa: {out} cannot be written: No such file or directory\n"


def test_a_broken_parquet_file_leaves_nothing(tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in.parquet", 100_000, note=pa.array(np.random.default_rng(0).random(100_000)))
    content = bytearray(source.read_bytes())
    content[1_000 : len(content) - 50_000] = bytes(len(content) - 51_000)
    source.write_bytes(content)
    result = casa("score", source, tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_an_end_half_way_leaves_nothing(tmp_path: Path) -> None:
    write_parquet(tmp_path / "in.parquet", 500_000)
    process = start("score", "in.parquet", "out.csv", folder=tmp_path, stderr=subprocess.PIPE)
    until(lambda: list(tmp_path.glob(".out.csv*")), seconds=30)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said) == (130, "")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.csv")
    result = casa("score", tmp_path / "in.csv", tmp_path / "out.csv")
    assert result.stderr == f"casa: {tmp_path / 'in.csv'} cannot be read: it is a folder or a pipe, not a file\n"


PEAK = """
import sys
from pathlib import Path
from casa.cli.main import app
app(sys.argv[1:], standalone_mode=False)
print(*[line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")])
"""


def peak_mib(source: Path, out: Path) -> float:
    """The most memory that scoring took. Not rusage's: that knows the size of the process it was forked from, too."""
    words = [sys.executable, "-c", PEAK, "score", source, out, "--overwrite"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return int(told.split()[-1]) / 1024


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    short, long = (write_parquet(tmp_path / f"{count}.parquet", count) for count in (100_000, 400_000))
    grown = peak_mib(long, tmp_path / "out.csv") - peak_mib(short, tmp_path / "out.csv")
    assert grown < 15  # the rows between them are 30 MiB, and more as text


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    write_parquet(tmp_path / "in.parquet", 5)
    code, shown = at_terminal("score", "in.parquet", "out.csv", folder=tmp_path)
    assert (code, "100%" in shown, "rows/s" in shown) == (0, True, True)
