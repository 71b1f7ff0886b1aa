"""The declaration of a sale: what a house that was priced really sold for."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from casa.house import HOUSE
from casa.transports.identity import PATTERN

MOST_ROW = 2**31 - 1
"""What fits into the database's column."""


class Sale(BaseModel):
    """What a house really sold for."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    request_id: Annotated[str, Field(pattern=f"^{PATTERN}$", description="The call that priced the house.")]
    row: Annotated[int, Field(ge=0, le=MOST_ROW, description="Its place in that call, from 0.")] = 0
    price: Annotated[float, Field(gt=HOUSE.target.low, le=HOUSE.target.high, description="In thousands of US dollars.")]
