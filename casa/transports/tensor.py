"""A tensor of the Open Inference Protocol: what it says it is, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from casa.errors import MalformedRequest
from casa.house import HOUSE, Array
from casa.model import bundle
from casa.transports.parse import too_many

HOUSES = "houses"
"""The input that holds all features, in the order of the declaration."""
INPUTS = frozenset({HOUSES, *HOUSE.names})

DATATYPES: Mapping[str, np.dtype[Any]] = {  # of eleven types
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
"""The datatypes that are numbers, as little-endian bytes; BOOL and BYTES are none."""
OUTPUT = "FP64"

NUMBERS = frozenset({float, int, type(None)})
"""What a list of JSON may hold; to Python, True is an int, too, but not to us."""


class TensorMetadata(NamedTuple):
    """What a tensor says it is; -1 in the model's own shapes stands for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:  # one of DATATYPES
        """The datatype as numpy has it."""
        return DATATYPES[self.datatype]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    def refuse(self, sentence: str) -> MalformedRequest:
        """The error about this tensor."""
        return MalformedRequest(f"input {self.name}: {sentence}")


class Tensor(NamedTuple):
    """A name and float64 numbers in their shape."""

    name: str
    values: Array


def declare(name: str, datatype: str, shape: Sequence[int], *, most: int) -> TensorMetadata:
    """What a caller says of an input, before its numbers are read.

    MalformedRequest if the model has no such input, TooLarge if it is of over `most` houses.
    """
    declared = TensorMetadata(name, datatype, tuple(shape))
    if name not in INPUTS:
        raise MalformedRequest(f"no input of {bundle.NAME} has this name; send {HOUSES}, or {', '.join(HOUSE.names)}")
    if datatype not in DATATYPES:
        raise declared.refuse(f"its datatype must be one of {', '.join(DATATYPES)}")
    if any(size < 0 for size in shape):
        raise declared.refuse("a size of its shape is negative")
    _check_shape(declared)
    if shape[0] > most:
        raise too_many(most)
    return declared


def read_bytes(declared: TensorMetadata, content: memoryview) -> Tensor:
    """A tensor out of little-endian bytes; FP64 is not copied."""
    wanted = declared.size * declared.dtype.itemsize
    if len(content) != wanted:
        raise declared.refuse(f"{declared.size} numbers of {declared.datatype} are {wanted} bytes, not {len(content)}")
    values = np.frombuffer(content, dtype=declared.dtype).astype(np.float64, copy=False)
    return Tensor(declared.name, values.reshape(declared.shape))


def read_numbers(declared: TensorMetadata, numbers: Sequence[Any]) -> Tensor:  # JSON values or a message's field
    """A tensor out of a list, flat or nested by rows; null stands for a missing number where the datatype has NaN."""
    flat = _flatten(declared, numbers)
    if len(flat) != declared.size:
        raise declared.refuse(f"its shape has {declared.size} numbers, its data {len(flat)}")
    if not NUMBERS.issuperset(map(type, flat)):
        raise declared.refuse("its data must be numbers")
    return Tensor(declared.name, _cast(declared, np.array(flat, dtype=np.float64)).reshape(declared.shape))


def write_bytes(tensor: Tensor) -> bytes:
    """An output's numbers as little-endian FP64."""
    return tensor.values.astype(DATATYPES[OUTPUT], copy=False).tobytes()


def _check_shape(declared: TensorMetadata) -> None:
    width = len(HOUSE.names)
    if declared.name == HOUSES:
        if len(declared.shape) != 2 or declared.shape[1] != width:
            raise declared.refuse(f"its shape must be [n,{width}]")
    elif len(declared.shape) not in (1, 2) or declared.shape[1:] not in ((), (1,)):
        raise declared.refuse("its shape must be [n] or [n,1]")


def _flatten(declared: TensorMetadata, numbers: Sequence[Any]) -> Sequence[Any]:
    if not numbers or not isinstance(numbers[0], list):
        return numbers
    width = declared.size // max(declared.shape[0], 1)
    if any(type(row) is not list or len(row) != width for row in numbers):
        raise declared.refuse(f"each row of its data must be a list of {width}")
    return list(chain.from_iterable(numbers))


def _cast(declared: TensorMetadata, values: Array) -> Array:
    """Numbers as the datatype holds them, so that a list and the same numbers as bytes have the same price."""
    dtype = declared.dtype
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # too large for the datatype is infinite, which no feature may be
            return values.astype(dtype).astype(np.float64)
    bounds = np.iinfo(dtype)
    if not ((values >= bounds.min) & (values <= bounds.max) & (values == np.rint(values))).all():
        raise declared.refuse(f"its data must be whole numbers of {declared.datatype}")
    return values
