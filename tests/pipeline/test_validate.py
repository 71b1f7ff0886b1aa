"""Validation: which cells are bad, how they are told, and what is written when."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame
from pandera.errors import SchemaErrors

from casa.errors import CasaError, InvalidTable
from casa.house import HOUSE, Feature
from pipeline.params import Params, Validate, load_params
from pipeline.table import read_table, write_table
from pipeline.validate import BadCell, Report, inspect, judge, run, table_schema

ROOT = Path(__file__).parents[2]
GAPS = [feature.name for feature in HOUSE.features if feature.gaps]
COMPLETE = [feature.name for feature in HOUSE.features if not feature.gaps]
WITH_POOL = replace(HOUSE, features=(*HOUSE.features, Feature("POOL", "a pool", "m2", 0, 100, 20, gaps=True)))


def houses(rows: int = 4) -> DataFrame:
    return DataFrame([HOUSE.example | {HOUSE.target.name: 24.0}] * rows, columns=list(HOUSE.columns), dtype="float64")


def starting(**values: float) -> DataFrame:
    """Four good houses, the first of them with these values."""
    frame = houses()
    for column, value in values.items():
        frame.loc[0, column] = value
    return frame


def report(**values: float) -> Report:
    return inspect(starting(**values))[1]


def params(max_bad_share: float) -> Params:
    knobs = Validate(max_bad_share=max_bad_share)
    return load_params(ROOT / "params.yaml").model_copy(update={"validation": knobs})


# The rules


def test_good_houses_are_good() -> None:
    assert (report()["good"], report()["bad_rows"]) == (4, [])


@pytest.mark.parametrize("feature", HOUSE.features, ids=lambda feature: feature.name)
def test_a_feature_may_have_its_bounds_and_nothing_beyond(feature: Feature) -> None:
    assert not report(**{feature.name: feature.low})["bad"]
    assert not report(**{feature.name: feature.high})["bad"]
    assert report(**{feature.name: math.nextafter(feature.low, -math.inf)})["bad"] == 1
    assert report(**{feature.name: math.nextafter(feature.high, math.inf)})["bad"] == 1


def test_a_price_is_above_its_lower_bound_and_at_most_its_upper() -> None:
    assert report(MEDV=HOUSE.target.low)["bad"] == 1
    assert not report(MEDV=HOUSE.target.high)["bad"]
    assert report(MEDV=math.nextafter(HOUSE.target.high, math.inf))["bad"] == 1


@pytest.mark.parametrize("column", GAPS)
def test_a_gap_where_it_is_allowed_is_counted_and_no_flaw(column: str) -> None:
    found = report(**{column: math.nan})
    assert (found["bad"], found["gaps"][column]) == (0, 1)


@pytest.mark.parametrize("column", [*COMPLETE, HOUSE.target.name])
def test_a_gap_elsewhere_is_a_bad_row(column: str) -> None:
    missing = BadCell(row=2, column=column, value=None, rule="may not be missing")
    assert report(**{column: math.nan})["bad_rows"] == [missing]


def test_a_binary_feature_is_zero_or_one() -> None:
    half = BadCell(row=2, column="CHAS", value=0.5, rule="must be 0 or 1")
    assert report(CHAS=0.5)["bad_rows"] == [half]


def test_a_rule_is_told_in_words_with_its_unit() -> None:
    assert report(RM=99)["bad_rows"][0]["rule"] == "must be from 3 to 9 rooms"
    assert report(MEDV=0)["bad_rows"][0]["rule"] == "must be above 0 and at most 1000 thousands of US dollars"


def test_an_infinity_is_bad_and_can_be_told_in_json() -> None:
    found = report(TAX=math.inf)
    assert found["bad_rows"][0]["value"] == "inf"
    assert json.dumps(found, allow_nan=False)


def test_the_schema_knows_a_fourteenth_feature_by_its_declaration_alone() -> None:
    assert list(table_schema(WITH_POOL).columns) == list(WITH_POOL.columns)
    pools = houses().assign(POOL=[20, -1, math.nan, 0])[list(WITH_POOL.columns)]
    found = inspect(pools, declaration=WITH_POOL)[1]
    assert [(cell["row"], cell["column"]) for cell in found["bad_rows"]] == [(3, "POOL")]


def test_the_schema_refuses_other_columns() -> None:
    with pytest.raises(SchemaErrors):
        table_schema().validate(houses().assign(note=1.0), lazy=True)


def test_other_columns_are_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidTable, match="the table's columns are not the declared ones"):
        inspect(houses()[list(reversed(HOUSE.columns))])


# The report


def test_bad_cells_come_row_by_row_in_the_columns_order() -> None:
    frame = starting(MEDV=0, RM=99, ZN=-1)
    frame.loc[2, "NOX"] = 9
    found = [(cell["row"], cell["column"]) for cell in inspect(frame)[1]["bad_rows"]]
    assert found == [(2, "ZN"), (2, "RM"), (2, "MEDV"), (4, "NOX")]


def test_a_row_with_two_bad_cells_is_one_bad_row() -> None:
    found = report(RM=99, TAX=1)
    assert (found["rows"], found["good"], found["bad"], found["bad_share"]) == (4, 3, 1, 0.25)


def test_at_most_a_hundred_bad_cells_are_named_and_all_are_counted() -> None:
    found = inspect(houses(150).assign(RM=99.0))[1]
    assert (found["bad"], len(found["bad_rows"])) == (150, 100)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats()), min_size=1, max_size=8))
def test_any_numbers_are_sorted_into_good_and_bad(cells: list[tuple[float, float, float]]) -> None:
    frame = houses(len(cells))
    frame[["CRIM", "CHAS", "MEDV"]] = cells
    good, found = inspect(frame)
    assert len(good) == found["good"] == found["rows"] - found["bad"]
    assert not inspect(good)[1]["bad"]


# The verdict


def test_as_many_bad_rows_as_allowed_pass() -> None:
    judge(report(RM=99), max_bad_share=0.25)


def test_more_bad_rows_than_allowed_are_refused_with_the_first_of_them() -> None:
    with pytest.raises(InvalidTable) as error:
        judge(report(RM=99), max_bad_share=0.2)
    assert str(error.value) == (
        "1 of 4 rows breaks a rule, more than validate.max_bad_share allows (0.2); "
        "the first: row 2, column RM: 99.0 must be from 3 to 9 rooms"
    )


def test_a_missing_value_is_told_without_one() -> None:
    with pytest.raises(InvalidTable, match="the first: row 2, column MEDV may not be missing"):
        judge(report(MEDV=math.nan), max_bad_share=0)


def test_a_table_without_a_good_row_is_refused_whatever_is_allowed() -> None:
    with pytest.raises(InvalidTable, match="1 of 1 rows breaks a rule, so none is left; the first: row 2"):
        judge(inspect(houses(1).assign(RM=99.0))[1], max_bad_share=1)


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(InvalidTable, match="the table has no rows"):
        judge(inspect(houses(0))[1], max_bad_share=1)


# The stage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where four houses wait, the first of them with 99 rooms and another with a gap."""
    frame = starting(RM=99)
    frame.loc[1, "LSTAT"] = math.nan
    write_table(frame, tmp_path / "data/raw.csv")
    return tmp_path


def written(folder: Path) -> Any:  # whatever the JSON holds
    return json.loads((folder / "reports/validation.json").read_text())


def test_bad_rows_are_set_aside_and_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(params(0.25), folder)
    assert len(read_table(folder / "data/houses.csv")) == 3
    assert "1 of 4 rows breaks a rule and was set aside" in capsys.readouterr().err


def test_good_rows_keep_their_gaps_and_bits(folder: Path) -> None:
    run(params(0.25), folder)
    raw = read_table(folder / "data/raw.csv").drop(index=0).reset_index(drop=True)
    assert read_table(folder / "data/houses.csv").equals(raw)


def test_a_refused_table_leaves_its_report_and_the_old_houses(folder: Path) -> None:
    (folder / "data/houses.csv").write_text("old")
    with pytest.raises(InvalidTable):
        run(params(0), folder)
    assert (folder / "data/houses.csv").read_text() == "old"
    assert written(folder)["bad_rows"][0]["row"] == 2


def test_the_row_is_the_line_of_the_file(folder: Path) -> None:
    run(params(1), folder)
    line = (folder / "data/raw.csv").read_text().splitlines()[written(folder)["bad_rows"][0]["row"] - 1]
    assert ",99.0," in line


def test_a_table_that_was_damaged_since_is_refused(folder: Path) -> None:
    (folder / "data/raw.csv").write_text("RM,MEDV\n6,high\n")
    with pytest.raises(InvalidTable, match="raw.csv lacks the columns CRIM, ZN"):
        run(params(1), folder)


def test_the_stage_before_must_have_run(tmp_path: Path) -> None:
    with pytest.raises(CasaError, match="there is no file"):
        run(params(1), tmp_path)


def test_the_command_fails_with_one_sentence(folder: Path) -> None:
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pipeline.validate"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)
    assert answer.stderr.startswith("validate: 1 of 4 rows breaks a rule")
