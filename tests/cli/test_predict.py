"""`casa predict`: prices for the houses of a CSV file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.model.store import Store
from tests.cli.shell import EXAMPLE, at_terminal, casa, write_csv

pytestmark = pytest.mark.usefixtures("store")

REQUIRED = {feature.name: EXAMPLE[feature.name] for feature in HOUSE.features if not feature.optional}


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(output.splitlines()))


def test_a_pipe_gets_csv_with_the_price_of_the_pricer(tmp_path: Path, pricer: Pricer) -> None:
    (row,) = rows(casa("predict", write_csv(tmp_path / "houses.csv", [EXAMPLE])).stdout)
    expected = pricer.price_one(list(HOUSE.example.values()))
    assert (float(row["price"]), float(row["low"]), float(row["high"])) == pytest.approx(tuple(expected), abs=1e-4)


def test_stdin_is_read_for_a_dash() -> None:
    table = f"{','.join(EXAMPLE)}\n{','.join(EXAMPLE.values())}\n"
    assert [row["row"] for row in rows(casa("predict", "-", stdin=table).stdout)] == ["2"]


def test_columns_may_stand_in_any_order_and_case(tmp_path: Path) -> None:
    turned = {name.lower(): EXAMPLE[name] for name in reversed(EXAMPLE)}
    first, second = (write_csv(tmp_path / f"{at}.csv", [house]) for at, house in enumerate([EXAMPLE, turned]))
    assert casa("predict", first).stdout == casa("predict", second).stdout


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    assert casa("predict", write_csv(tmp_path / "houses.csv", [REQUIRED])).exit_code == 0


def test_other_columns_are_noted_and_left_out(tmp_path: Path) -> None:
    result = casa("predict", write_csv(tmp_path / "houses.csv", [{**EXAMPLE, "MEDV": "24", "[bold]": "1"}]))
    assert "left out what is no feature of a house: 'MEDV', '[bold]'" in result.stderr
    assert "MEDV" not in result.stdout


def test_a_bad_row_is_named_beside_the_good_ones(tmp_path: Path) -> None:
    houses = write_csv(tmp_path / "houses.csv", [EXAMPLE, {**EXAMPLE, "RM": "12", "B": "much"}])
    result = casa("predict", houses)
    good, bad = rows(result.stdout)
    assert (result.exit_code, good["error"], bad["price"]) == (0, "", "")
    assert bad["error"] == (
        "RM: Input should be less than or equal to 9, not '12'; B: Input should be a valid number, not 'much'"
    )


def test_rows_are_counted_as_a_spreadsheet_counts(tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    house = ",".join(EXAMPLE.values())
    path.write_text(f'\n{",".join(EXAMPLE)},note\n{house},"two\nlines"\n\n{house}\n{house},\n')
    found = [(row["row"], row["error"]) for row in rows(casa("predict", path).stdout)]
    assert found == [("3", ""), ("5", "13 cells under a header of 14"), ("6", "")]


def test_without_a_good_row_the_exit_code_is_1(tmp_path: Path) -> None:
    assert casa("predict", write_csv(tmp_path / "houses.csv", [{**EXAMPLE, "RM": ""}])).exit_code == 1


def test_json_has_the_shape_of_the_api(tmp_path: Path, store: Store) -> None:
    houses = write_csv(tmp_path / "houses.csv", [{**EXAMPLE, "CRIM": "99"}, {**EXAMPLE, "RM": "99"}])
    answer = json.loads(casa("predict", houses, "--format", "json").stdout)
    (priced,), (refused,) = answer["predictions"], answer["errors"]
    assert set(priced) == {"row", "prediction", "interval", "warnings"}
    assert priced["warnings"][0]["feature"] == "CRIM"
    assert refused == {"row": 3, "errors": [flaw("RM", "Input should be less than or equal to 9", "less_than_equal")]}
    assert (answer["model_name"], answer["model_version"]) == ("casa", store.champion)


def flaw(name: str, words: str, kind: str) -> dict[str, object]:
    return {"loc": [name], "msg": words, "type": kind}


def test_shares_add_up_to_the_price(tmp_path: Path) -> None:
    houses = write_csv(tmp_path / "houses.csv", [EXAMPLE])
    (row,) = rows(casa("predict", houses, "--explain").stdout)
    shares = sum(float(row[f"{name}_share"]) for name in HOUSE.names)
    assert float(row["base_value"]) + shares == pytest.approx(float(row["price"]), abs=2e-3)
    (priced,) = json.loads(casa("predict", houses, "--explain", "--format", "json").stdout)["predictions"]
    assert list(priced["contributions"]) == list(HOUSE.names)


def test_a_terminal_gets_a_table(tmp_path: Path) -> None:
    houses = write_csv(tmp_path / "houses.csv", [{**EXAMPLE, "CRIM": "99"}, {**EXAMPLE, "RM": "99"}])
    code, shown = at_terminal("predict", houses, "--explain", folder=tmp_path)
    assert code == 0
    for words in ("90% interval", "outside the training data: CRIM", "RM: Input should be less than", "row"):
        assert words in " ".join(shown.split())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG image"),
        (b"CRIM;ZN\n1;2\n", "has semicolons between its cells"),
        (b"RM,RM\n1,2\n", "lacks the columns CRIM"),
        (",".join([*EXAMPLE, "rm"]).encode(), "has more than one column RM"),
        (",".join(EXAMPLE).encode(), "has a header and no rows"),
        (",".join(EXAMPLE).encode() + b"\n\xff\xfe\n", "is not in UTF-8"),
        (",".join(EXAMPLE).encode() + b'\n"a\n', "is no CSV file"),
        (b"x" * 2_000_000, "has a line of more than 1,048,576 characters"),
        (b"x,\n" * 6_000_000, "is larger than 16 MB"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "houses.csv"
    path.write_bytes(content)
    result = casa("predict", path)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert sentence in result.stderr


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    assert casa("predict", tmp_path).stderr == f"casa: {tmp_path} cannot be read: Is a directory\n"


def test_without_a_model_it_tells_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    result = casa("predict", write_csv(tmp_path / "houses.csv", [EXAMPLE]))
    assert result.stderr == "casa: there is no model yet: `make run` or `dvc repro` makes one\n"


CELLS = st.one_of(st.sampled_from(["", "NaN", "inf", "-1e400", "1_0", "٣", "6.5", '"', "a,b"]), st.text(max_size=8))
HOUSES = st.dictionaries(st.sampled_from(HOUSE.names), CELLS, max_size=3).map(lambda cells: {**EXAMPLE, **cells})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HOUSES, max_size=4), st.lists(st.lists(CELLS, max_size=15), max_size=4))
def test_hostile_tables_end_in_words(houses: list[dict[str, str]], others: list[list[str]]) -> None:
    lines = [[*EXAMPLE], *([*house.values()] for house in houses), *others]
    text = "\n".join(",".join(cells) for cells in lines)
    result = casa("predict", "-", stdin=text.encode("utf-8", "surrogatepass"))
    assert result.exit_code in (0, 1)
    assert isinstance(result.exception, SystemExit | None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_hostile_bytes_end_in_words(content: bytes) -> None:
    result = casa("predict", "-", stdin=content)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit | None)
