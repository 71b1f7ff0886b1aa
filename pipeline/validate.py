"""Hold data/raw.csv against the declaration of a house: good rows go to data/houses.csv, bad ones are named.

reports/validation.json counts the rows and the gaps and names up to 100 bad cells: row (as a spreadsheet
counts: the header of data/raw.csv is row 1), column, value and the rule it breaks. More bad rows than
`validate.max_bad_share` of params.yaml stop the pipeline here, and data/houses.csv stays as it was.

Example: python -m pipeline.validate
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TypedDict

import pandera.pandas as pa
from pandas import DataFrame
from pandera.errors import SchemaErrors

from casa.errors import InvalidTable
from casa.house import HOUSE, Declaration, Feature, Target
from pipeline.params import Params
from pipeline.stage import say, stage
from pipeline.table import read_table, write_file, write_table

MAX_NAMED = 100
FIRST_ROW = 2
"""The spreadsheet's number of the first house: row 1 is the header."""
RULES = {"not_nullable": "may not be missing"}
"""In words, the rules that pandera names itself."""


class BadCell(TypedDict):
    """One cell that breaks a rule: where, what it holds (None if missing) and the rule in words."""

    row: int
    column: str
    value: float | str | None
    rule: str


class Report(TypedDict):
    """What reports/validation.json holds."""

    rows: int
    good: int
    bad: int
    bad_share: float
    gaps: dict[str, int]
    bad_rows: list[BadCell]


def run(params: Params, folder: Path, *, declaration: Declaration = HOUSE) -> None:
    """The stage, on the files under `folder`; the report is written even when the table is refused."""
    houses = read_table(folder / "data/raw.csv", columns=declaration.columns)
    good, report = inspect(houses, declaration=declaration)
    write_file(json.dumps(report, indent=2).encode(), folder / "reports/validation.json")
    judge(report, max_bad_share=params.validation.max_bad_share)
    write_table(good, folder / "data/houses.csv")
    if report["bad"]:
        say(f"{_counted(report)} and {'was' if report['bad'] == 1 else 'were'} set aside: see reports/validation.json")


def table_schema(declaration: Declaration = HOUSE) -> pa.DataFrameSchema:
    """The declaration as a pandera schema: its columns in their order, ranges, and where a gap may be."""
    columns = {feature.name: _feature_column(feature) for feature in declaration.features}
    columns[declaration.target.name] = _target_column(declaration.target)
    return pa.DataFrameSchema(columns, strict=True, ordered=True)


def inspect(houses: DataFrame, *, declaration: Declaration = HOUSE) -> tuple[DataFrame, Report]:
    """The good rows, numbered anew, and the report on all of them."""
    houses = houses.reset_index(drop=True)
    flaws = _flaws(houses, declaration)
    good = houses[~houses.index.isin(flaws["index"])].reset_index(drop=True)
    bad = len(houses) - len(good)
    return good, Report(
        rows=len(houses),
        good=len(good),
        bad=bad,
        bad_share=bad / max(len(houses), 1),
        gaps={column: int(houses[column].isna().sum()) for column in declaration.columns},
        bad_rows=[_bad_cell(*flaw) for flaw in flaws.head(MAX_NAMED).itertuples(index=False)],
    )


def judge(report: Report, *, max_bad_share: float) -> None:
    """InvalidTable if too many rows are bad, or none is good."""
    if not report["rows"]:
        raise InvalidTable("the table has no rows")
    if not report["good"] or report["bad_share"] > max_bad_share:
        limit = f"more than validate.max_bad_share allows ({max_bad_share:g})" if report["good"] else "so none is left"
        raise InvalidTable(f"{_counted(report)}, {limit}; the first: {_told(report['bad_rows'][0])}")


def _feature_column(feature: Feature) -> pa.Column:
    if feature.binary:
        rule = pa.Check.isin([0, 1], error="must be 0 or 1")
    else:
        words = f"must be from {feature.low:g} to {feature.high:g} {feature.unit}"
        rule = pa.Check.in_range(feature.low, feature.high, error=words)
    return pa.Column(float, rule, nullable=feature.gaps)


def _target_column(target: Target) -> pa.Column:
    words = f"must be above {target.low:g} and at most {target.high:g} {target.unit}"
    return pa.Column(float, pa.Check.in_range(target.low, target.high, include_min=False, error=words))


def _flaws(houses: DataFrame, declaration: Declaration) -> DataFrame:
    """Every bad cell, row by row, as its index, column, value and rule."""
    try:
        table_schema(declaration).validate(houses, lazy=True)
    except SchemaErrors as error:
        flaws: DataFrame = error.failure_cases[["index", "column", "failure_case", "check"]]
        if flaws["index"].isna().any():
            raise InvalidTable("the table's columns are not the declared ones: ingest it first") from error
        order = flaws["column"].map(declaration.columns.index)
        return flaws.assign(order=order).sort_values(["index", "order"]).drop(columns="order")
    return DataFrame({"index": [], "column": [], "failure_case": [], "check": []})


def _bad_cell(index: int, column: str, value: float, rule: str) -> BadCell:
    shown = None if math.isnan(value) else value if math.isfinite(value) else str(value)
    return BadCell(row=index + FIRST_ROW, column=column, value=shown, rule=RULES.get(rule, rule))


def _counted(report: Report) -> str:
    return f"{report['bad']} of {report['rows']} rows {'breaks' if report['bad'] == 1 else 'break'} a rule"


def _told(cell: BadCell) -> str:
    value = "" if cell["value"] is None else f": {cell['value']}"
    return f"row {cell['row']}, column {cell['column']}{value} {cell['rule']}"


if __name__ == "__main__":
    stage(__doc__, run)
