import json

import numpy as np
import pytest

from casa.model.preprocessor import Imputer, Preprocessor, Step

MADE = Preprocessor(
    columns=("A", "B", "C"),
    floors={"A": 0.5},
    imputer=Imputer((1.0, 2.0, 3.0)),
    terms=("A", "B", "B/C", "A*B"),
    mean=(0.0, 1.0, 0.0, 0.0),
    scale=(1.0, 2.0, 1.0, 1.0),
)


def test_terms_are_columns_logs_ratios_and_products() -> None:
    row = MADE.transform(np.array([[np.e, 3.0, 6.0]]))
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, [[1.0, 1.0, 0.5, 3.0]], rtol=1e-6)


def test_a_log_has_a_floor() -> None:
    np.testing.assert_allclose(MADE.expand(np.array([[0.0, 1.0, 1.0]]))[0, 0], np.log(0.5))


def test_a_gap_is_filled_on_the_scale_of_the_terms() -> None:
    np.testing.assert_allclose(MADE.expand(np.array([[np.nan, np.nan, np.nan]])), [[1.0, 2.0, 2 / 3, 2.0]])


def test_steps_run_in_order_and_touch_only_gaps() -> None:
    imputer = Imputer((0.0, 0.0), (Step(0, 1.0, (0.0, 2.0)), Step(1, 0.0, (10.0, 0.0))))
    filled = imputer.fill(np.array([[np.nan, 3.0], [4.0, np.nan], [5.0, 6.0]]))
    np.testing.assert_allclose(filled, [[7.0, 3.0], [4.0, 40.0], [5.0, 6.0]])


def test_the_callers_rows_are_left_as_they_were() -> None:
    rows = np.array([[np.nan, 3.0, 1.0]])
    MADE.transform(rows)
    assert np.isnan(rows[0, 0])


def test_some_of_the_terms_keep_their_scale() -> None:
    rows = np.array([[2.0, 3.0, 6.0]])
    np.testing.assert_array_equal(MADE.only(["B", "A*B"]).transform(rows), MADE.transform(rows)[:, [1, 3]])


def test_a_preprocessor_survives_json() -> None:
    assert Preprocessor.from_dict(json.loads(json.dumps(MADE.to_dict()))) == MADE


def test_a_term_names_its_columns() -> None:
    assert MADE.parents == (("A",), ("B",), ("B", "C"), ("A", "B"))


@pytest.mark.parametrize("term", ["A+B", "D", "A/", "", "A*B*C"])
def test_a_term_that_is_none_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="term"):
        Preprocessor.from_dict({**MADE.to_dict(), "terms": ["A", term]})
