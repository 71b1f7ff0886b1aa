import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest

from casa.house import HOUSE
from casa.model.ensemble import Prices
from casa.monitoring.alarm import SPAN, Alarm
from casa.monitoring.reference import Reference
from casa.monitoring.report import report
from casa.monitoring.window import Window
from pipeline.train import Rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIGURES = ["score", "psi", "ks", "missing", "out_of_range", "alert", "edges", "reference", "now"]


def test_the_answer_has_its_shape_in_plain_json(seen: Reference, usual: Window) -> None:
    answer = orjson.loads(orjson.dumps(report(seen, usual, Alarm(seen, now=NOON))))
    assert list(answer) == ["rows", "enough", "drifted", "since", "features", "prices"]
    assert list(answer["features"]) == list(HOUSE.names)
    for column in (*answer["features"].values(), answer["prices"]):
        assert list(column) == FIGURES
        assert len(column["now"]) == len(column["reference"]) == len(column["edges"]) + 2
        assert sum(column["now"]) == pytest.approx(1)


def test_quiet_rows_are_no_drift(seen: Reference, usual: Window) -> None:
    answer = report(seen, usual, Alarm(seen, now=NOON))
    assert (answer["rows"], answer["enough"], answer["drifted"], answer["since"]) == (506, True, False, None)
    for column in answer["features"].values():
        assert column["now"] == pytest.approx(column["reference"])


def test_drift_is_told_with_its_feature_and_its_beginning(seen: Reference, moved: Window) -> None:
    alarm = Alarm(seen, now=NOON)
    for hours in (1, 2):
        alarm.add(moved, now=NOON + hours * SPAN)
    answer = report(seen, moved, alarm)
    assert (answer["drifted"], answer["since"]) == (True, "2026-05-01T12:00:00+00:00")
    assert [name for name, column in answer["features"].items() if column["alert"]] == ["RM"]


@pytest.mark.parametrize(("rows", "enough"), [(199, False), (200, True)])
def test_too_few_rows_are_not_enough(seen: Reference, table: Rows, told: Prices, rows: int, *, enough: bool) -> None:
    window = seen.count(table.houses[:rows], Prices(*(values[:rows] for values in told)))
    answer = report(seen, window, Alarm(seen, now=NOON))
    assert (answer["rows"], answer["enough"]) == (rows, enough)


def test_no_rows_have_no_figures(seen: Reference) -> None:
    column = report(seen, seen.nothing, Alarm(seen, now=NOON))["features"]["RM"]
    assert [column[figure] for figure in FIGURES[:5]] == [None] * 5
    assert not np.any(column["now"])


def test_watching_takes_numpy_alone() -> None:
    code = "import sys, casa.monitoring.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"xgboost", "pandas", "scipy", "sklearn"} & set(done.stdout.split())
