import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casa.errors import MalformedRequest, TooLarge
from casa.house import HOUSE
from casa.transports.matrix import stack
from casa.transports.tensor import (
    DATATYPES,
    HOUSES,
    INPUTS,
    Tensor,
    TensorMetadata,
    declare,
    read_bytes,
    read_numbers,
    write_bytes,
)

EXAMPLE = [feature.example for feature in HOUSE.features]
WIDTH = len(HOUSE.names)
SHAPES = st.lists(st.integers(-2, 2**64), max_size=4)
NAMES = st.one_of(st.text(), st.sampled_from(sorted(INPUTS)))
TYPES = st.one_of(st.text(), st.sampled_from([*DATATYPES, "BOOL", "BYTES", "BF16"]))


def declared(name: str, datatype: str, shape: tuple[int, ...]) -> TensorMetadata:
    return declare(name, datatype, shape, most=20)


def refusal(tensors: list[Tensor]) -> str:
    with pytest.raises(MalformedRequest) as caught:
        stack(tensors)
    return str(caught.value)


def columns(**changes: list[float]) -> list[Tensor]:
    values = {name: [value] for name, value in HOUSE.example.items()} | changes
    return [Tensor(name, np.array(value, dtype=np.float64)) for name, value in values.items()]


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "FP16"])
def test_a_number_is_the_same_in_a_list_and_in_bytes(datatype: str) -> None:
    taxes = declared("TAX", datatype, (2,))
    content = np.array([3, 100], dtype=taxes.dtype).tobytes()
    listed = read_numbers(taxes, [3, 100.0])
    np.testing.assert_array_equal(listed.values, read_bytes(taxes, memoryview(content)).values)


@given(st.lists(st.floats(width=64), max_size=20))
def test_fp64_bytes_are_read_as_they_stand(values: list[float]) -> None:
    content = struct.pack(f"<{len(values)}d", *values)
    read = read_bytes(declared("RM", "FP64", (len(values), 1)), memoryview(content))
    assert write_bytes(read) == content


def test_a_number_is_rounded_to_its_datatype() -> None:
    (value,) = read_numbers(declared("RM", "FP32", (1,)), [6.575]).values
    assert value == float(np.float32(6.575)) != 6.575


def test_bytes_need_not_be_aligned() -> None:
    content = memoryview(b"x" + np.array(EXAMPLE).tobytes())[1:]
    assert read_bytes(declared(HOUSES, "FP64", (1, WIDTH)), content).values.tolist() == [EXAMPLE]


def test_a_list_may_be_flat_or_nested() -> None:
    two = declared(HOUSES, "FP64", (2, WIDTH))
    flat, nested = read_numbers(two, EXAMPLE * 2), read_numbers(two, [EXAMPLE] * 2)
    np.testing.assert_array_equal(flat.values, nested.values)


@pytest.mark.parametrize("numbers", [["6.5"], [True], [[6.5, 6.5]], [[[6.5]]], [{}], [], [6.5, 6.5], [6.5, [6.5]]])
def test_anything_but_numbers_in_the_shape_is_refused(numbers: list[object]) -> None:
    with pytest.raises(MalformedRequest, match="input RM: "):
        read_numbers(declared("RM", "FP64", (1,)), numbers)


@pytest.mark.parametrize("value", [1.5, 256, -1, None])
def test_a_whole_number_stays_within_its_datatype(value: float | None) -> None:
    with pytest.raises(MalformedRequest, match="whole numbers of UINT8"):
        read_numbers(declared("RAD", "UINT8", (1,)), [value])


def test_too_large_for_the_datatype_is_no_number_of_a_house() -> None:
    (value,) = read_numbers(declared("TAX", "FP16", (1,)), [1e300]).values
    assert "row 0, TAX: Input should be a finite number" in refusal(columns(TAX=[value]))


@given(NAMES, TYPES, SHAPES, st.binary(max_size=64))
def test_hostile_tensors_are_refused_or_read(name: str, datatype: str, shape: list[int], content: bytes) -> None:
    try:
        tensor = read_bytes(declare(name, datatype, tuple(shape), most=2**65), memoryview(content))
    except MalformedRequest as error:
        assert str(error)
    else:
        assert tensor.values.shape == tuple(shape)


@pytest.mark.parametrize("shape", [(), (13,), (1, 12), (13, 1), (1, 13, 1), (-1, 13)])
def test_houses_have_a_column_a_feature(shape: tuple[int, ...]) -> None:
    with pytest.raises(MalformedRequest, match="input houses: "):
        declared(HOUSES, "FP64", shape)


@pytest.mark.parametrize("shape", [(), (1, 2), (1, 1, 1), (-1,)])
def test_a_feature_is_one_column(shape: tuple[int, ...]) -> None:
    with pytest.raises(MalformedRequest, match="input RM: "):
        declared("RM", "FP64", shape)


@pytest.mark.parametrize(("name", "shape"), [(HOUSES, (21, WIDTH)), ("RM", (21,)), ("RM", (21, 1))])
def test_too_many_houses_are_refused_before_their_numbers_are_read(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(TooLarge, match="at most 20 houses"):
        declared(name, "FP64", shape)


def test_columns_are_the_houses_whatever_their_order_and_shape() -> None:
    flat, upright = columns(), [Tensor(name, values.reshape(-1, 1)) for name, values in columns()]
    assert stack(flat[::-1]).tolist() == stack(upright).tolist() == [EXAMPLE]


def test_only_optional_columns_may_be_absent() -> None:
    for feature in HOUSE.features:
        left = [tensor for tensor in columns() if tensor.name != feature.name]
        if feature.optional:
            assert np.isnan(stack(left)).sum() == 1
        else:
            assert f"the input {feature.name} is missing" in refusal(left)


def test_nan_is_a_gap_where_one_may_be() -> None:
    assert np.isnan(stack(columns(ZN=[np.nan]))).sum() == 1
    assert refusal(columns(RM=[np.nan])) == "row 0, RM: Field required"


def test_the_first_wrong_value_is_named_by_row_and_feature_in_the_words_of_json() -> None:
    houses = np.array([EXAMPLE] * 3)
    houses[1, 5], houses[2, 3] = 9.5, 0.5
    assert refusal([Tensor(HOUSES, houses)]) == "row 1, RM: Input should be less than or equal to 9 (and 1 more)"


def test_inputs_that_contradict_each_other_are_refused() -> None:
    houses = Tensor(HOUSES, np.array([EXAMPLE]))
    assert "not both" in refusal([houses, *columns()])
    assert "more than once" in refusal([houses, houses])
    assert "same number" in refusal(columns(RM=[6.0, 6.0]))


def test_no_houses_are_none_to_price() -> None:
    assert refusal([Tensor(HOUSES, np.empty((0, WIDTH)))]) == "at least one house is required"
    assert "is missing" in refusal([])
