"""The declaration of a house: its features and its price. Everything that knows a column comes from here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """One column: its name, what it says in plain words, its unit and the values it may take."""

    name: str
    description: str
    unit: str
    low: float
    high: float
    example: float
    optional: bool = False
    """May a caller leave it out?"""
    gaps: bool = False
    """May a cell of a training table be missing?"""
    binary: bool = False
    """Is it 0 or 1 and nothing between?"""


@dataclass(frozen=True)
class Target:
    """The column to predict: above `low`, at most `high`."""

    name: str
    description: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Declaration:
    """The features of a house, in the order every matrix has them, and its price."""

    features: tuple[Feature, ...]
    target: Target

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of every matrix's columns."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of a training table: the features, then the price."""
        return (*self.names, self.target.name)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what a model depends on: names, order, ranges, what may be missing. Words do not count."""
        rules = [[f.name, f.low, f.high, f.optional, f.binary] for f in self.features]
        target = [self.target.name, self.target.low, self.target.high]
        return hashlib.sha256(json.dumps([rules, target]).encode()).hexdigest()

    @cached_property
    def example(self) -> dict[str, JsonValue]:
        """A house as a caller sends it."""
        return {feature.name: feature.example for feature in self.features}


HOUSE = Declaration(
    features=(
        Feature("CRIM", "crimes per person and year in the town", "crimes", 0, 100, 0.00632, gaps=True),
        Feature("ZN", "residential land zoned for large lots", "%", 0, 100, 18.0, optional=True, gaps=True),
        Feature("INDUS", "land of non-retail business in the town", "%", 0, 30, 2.31, optional=True, gaps=True),
        Feature("CHAS", "does the tract bound the river?", "0 or 1", 0, 1, 0, optional=True, gaps=True, binary=True),
        Feature("NOX", "nitric oxides in the air", "parts per 10 million", 0.3, 1, 0.538),
        Feature("RM", "average rooms of a dwelling", "rooms", 3, 9, 6.575),
        Feature("AGE", "owner-occupied homes built before 1940", "%", 0, 100, 65.2, gaps=True),
        Feature("DIS", "weighted distance to five employment centres", "miles", 0.5, 13, 4.09),
        Feature("RAD", "access to radial highways", "index", 1, 24, 1),
        Feature("TAX", "property tax for each $10,000 of value", "$", 100, 800, 296),
        Feature("PTRATIO", "pupils for each teacher in the town", "pupils", 10, 25, 15.3),
        Feature("B", "1000 (share of Black residents - 0.63)^2, a column of 1978", "index", 0, 400, 396.9),
        Feature("LSTAT", "residents of low status, as of 1970", "%", 0, 40, 4.98, gaps=True),
    ),
    target=Target("MEDV", "median value of the tract's owner-occupied homes", "thousands of US dollars", 0, 1000),
)


def house_model(declaration: Declaration) -> type[BaseModel]:
    """The pydantic model of one house: numbers only, within their ranges, no unknown names."""
    fields: dict[str, Any] = {f.name: (_annotation(f), None if f.optional else ...) for f in declaration.features}
    config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        json_schema_extra={"example": declaration.example},
    )
    return create_model("House", __config__=config, __doc__="One house.", **fields)


def _annotation(feature: Feature) -> Any:  # a type made at run time
    number: Any = Annotated[float, Field(ge=feature.low, le=feature.high)]
    if feature.binary:
        number = Annotated[number, AfterValidator(_zero_or_one), WithJsonSchema({"type": "number", "enum": [0, 1]})]
    words = Field(description=f"{feature.description} ({feature.unit})", examples=[feature.example])
    return Annotated[number | None if feature.optional else number, words]


def _zero_or_one(value: float) -> float:
    # Not `multiple_of`: its tolerance lets 0.9999999999 through.
    if value not in (0, 1):
        raise PydanticCustomError("zero_or_one", "Input should be 0 or 1")
    return value


if TYPE_CHECKING:

    class House(BaseModel):
        """One house, as a caller sends it."""

else:
    House = house_model(HOUSE)
