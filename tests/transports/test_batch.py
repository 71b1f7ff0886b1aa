import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casa.errors import InvalidHouse
from casa.house import HOUSE
from casa.transports.batch import batch
from casa.transports.flaws import find
from tests.transports.caller import EXAMPLE, REQUIRED

EDGES = [
    edge for f in HOUSE.features for edge in (f.low, f.high, math.nextafter(f.low, -9e9), math.nextafter(f.high, 9e9))
]
VALUES = st.sampled_from([*EDGES, True, False, None, "1", 0, 1, 0.5, 1e-12, 10**19, []])
ROWS = st.dictionaries(st.sampled_from([*HOUSE.names, "X"]), VALUES, max_size=3)


@given(st.lists(ROWS.map(lambda changes: {**EXAMPLE, **changes}), max_size=4))
def test_many_rows_are_judged_as_one_is(rows: list[dict[str, object]]) -> None:
    judged = batch([EXAMPLE, *rows])
    assert judged.places == [0, *(place for place, row in enumerate(rows, start=1) if not find(row))]
    assert all(judged.spoiled.values())


def test_rows_keep_their_places_and_values() -> None:
    judged = batch([{}, REQUIRED, 1, EXAMPLE])
    assert (judged.places, sorted(judged.spoiled), judged.size) == ([1, 3], [0, 2], 4)
    np.testing.assert_array_equal(judged.houses[1], [*EXAMPLE.values()])
    assert np.isnan(judged.houses[0]).sum() == 3


def test_a_batch_of_bad_rows_is_an_invalid_house() -> None:
    with pytest.raises(InvalidHouse) as caught:
        batch([{**EXAMPLE, "RM": "x"}])
    assert [flaw["loc"] for flaw in caught.value.flaws] == [["instances", 0, "RM"]]
