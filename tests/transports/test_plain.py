import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casa.house import HOUSE
from casa.transports import parse
from casa.transports.batch import batch, read
from casa.transports.plain import plain
from tests.transports.caller import EXAMPLE, REQUIRED
from tests.transports.test_strictness import BATCH, GOOD, NO_JSON

MOST = 1_000
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**25), 10**25)
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"CRIM"',
    b'"ZN":1',
    b"null",
    b"true",
    b'"',
    b"\\u0043",
    b"1e400",
    b"-",
    b"0",
    b" ",
]


def body_of(*rows: object) -> bytes:
    return orjson.dumps({"instances": rows})


@given(st.lists(st.lists(NUMBERS, min_size=13, max_size=13), min_size=1, max_size=3))
def test_numbers_are_read_as_they_are_row_by_row(rows: list[list[float]]) -> None:
    texts = [",".join(f'"{name}":{value!r}' for name, value in zip(HOUSE.names, row, strict=True)) for row in rows]
    found = plain(f'{{"instances":[{{{"},{".join(texts)}}}]}}'.encode(), most=MOST)
    assert found is not None
    np.testing.assert_array_equal(found, np.array(rows, dtype=np.float64))


@given(st.integers(0, len(GOOD)), st.integers(0, 8), st.sampled_from(PIECES))
def test_nothing_passes_here_that_would_not_pass_row_by_row(at: int, gone: int, piece: bytes) -> None:
    body = BATCH % (GOOD[:at] + piece + GOOD[at + gone :], GOOD)
    found = plain(body, most=MOST)
    if found is not None:
        np.testing.assert_array_equal(found, [list(row.values()) for row in parse.instances(body)])


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_is_left_to_others(name: str) -> None:
    assert plain(BATCH % (NO_JSON[name] or b",", GOOD), most=MOST) is None


@pytest.mark.parametrize("change", [{"RM": True}, {"RM": "6"}, {"RM": None}, {"X": 1}, {"ZN": None}])
def test_an_unusual_row_is_left_to_others(change: dict[str, object]) -> None:
    assert plain(body_of(EXAMPLE, {**EXAMPLE, **change}), most=MOST) is None


def test_so_are_gaps_too_many_rows_none_and_repeated_names() -> None:
    repeated = GOOD[:-1] + b',"RM":6.0}'
    for body in (
        body_of(REQUIRED),
        body_of(),
        BATCH % (repeated, GOOD),
        BATCH.replace(b"{", b'{"a":1,') % (GOOD, GOOD),
    ):
        assert plain(body, most=MOST) is None
    assert plain(body_of(EXAMPLE, EXAMPLE), most=1) is None


def test_a_batch_is_the_same_whichever_way_it_is_read() -> None:
    rows = [{**EXAMPLE, "RM": value} for value in (4, 6.5, 8)]
    quick, slow = read(body_of(*rows)), batch(rows)
    np.testing.assert_array_equal(quick.houses, slow.houses)
    assert (quick.places, quick.spoiled) == (slow.places, slow.spoiled)


def test_a_value_out_of_range_is_named_all_the_same() -> None:
    assert list(read(body_of(EXAMPLE, {**EXAMPLE, "RM": 99})).spoiled) == [1]
