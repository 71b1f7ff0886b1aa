"""Strict JSON to houses. What orjson refuses is not JSON: NaN, Infinity, 1e400, 01, a BOM, bad UTF-8, deep nesting.

No parser here sees a repeated name, but two quotation marks stand around each name and nowhere else in a
good body, so their count tells.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from casa.errors import Flaw, InvalidHouse, MalformedRequest, TooLarge
from casa.house import House
from casa.sale import Sale
from casa.transports.flaws import Repeated, find, told

ENVELOPE = "instances"

_HOUSE = TypeAdapter(House)
_SALE = TypeAdapter(Sale)


def house(body: bytes) -> list[float]:
    """One house's values in the order of its declaration, NaN for one left out.

    MalformedRequest if the body is not JSON, InvalidHouse if it is no good house.
    """
    try:
        given = _HOUSE.validate_json(body)
    except ValidationError as error:
        raise InvalidHouse(find(loads(body))) from error
    if body.count(b'"') != 2 * len(given.model_fields_set):
        raise InvalidHouse(find(_pairs(body).repeated()))
    return values(given)


def sale(body: bytes) -> Sale:
    """What a house sold for; MalformedRequest if the body is not JSON, InvalidHouse if it is no good sale."""
    try:
        given = _SALE.validate_json(body)
    except ValidationError as error:
        loads(body)  # what is no JSON hears that first
        raise InvalidHouse(told(error)) from error
    if body.count(b'"') != 2 * (len(given.model_fields_set) + 1):  # the id is a string, too
        raise InvalidHouse(find(_pairs(body).repeated()))
    return given


def values(given: BaseModel) -> list[float]:
    """A house's values, NaN for one left out."""
    return [math.nan if value is None else value for value in given.__dict__.values()]


def instances(body: bytes, *, most: int = sys.maxsize) -> list[Any]:  # what a caller sent
    """A batch's rows as orjson parses them, `Repeated` for one in which a name stands twice.

    MalformedRequest if the body is not JSON, InvalidHouse if it holds no list of rows, TooLarge for over `most`.
    """
    # Good rows are flat: more brackets than this are too many rows, or nesting that is not worth parsing.
    if body.count(b"{") + body.count(b"[") > 2 * (most + 1):
        raise too_many(most)
    rows = _rows(loads(body))
    if len(rows) > most:
        raise too_many(most)
    names = 1 + sum(len(row) for row in rows if type(row) is dict)
    return rows if body.count(b'"') == 2 * names else _apart(rows, body)


def loads(body: bytes) -> Any:  # any JSON value
    """Strict JSON; MalformedRequest says where it goes wrong, never what stands there."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"it goes wrong in line {error.lineno}, column {error.colno}" if body else "it is empty"
        raise MalformedRequest(f"the body is not JSON: {where}") from error


def _rows(parsed: Any) -> list[Any]:
    rows = parsed.get(ENVELOPE) if isinstance(parsed, dict) else None
    if not isinstance(rows, list):
        raise InvalidHouse([Flaw(loc=[ENVELOPE], msg="A list of houses is required here", type="list_type")])
    if not rows:
        raise InvalidHouse([Flaw(loc=[ENVELOPE], msg="At least one house is required", type="too_short")])
    if len(parsed) > 1:
        raise InvalidHouse([Flaw(loc=[], msg=f"Only {ENVELOPE} may stand here", type="extra_forbidden")])
    return rows


def _apart(rows: list[Any], body: bytes) -> list[Any]:
    """The rows, with those told apart in which a name is repeated."""
    envelope = _pairs(body)
    if envelope.repeated():
        raise InvalidHouse([Flaw(loc=[ENVELOPE], msg="This name is given more than once", type="repeated_name")])
    ((_, pairs),) = envelope
    repeated = [one.repeated() if isinstance(one, _Pairs) else None for one in pairs]
    return [names or row for names, row in zip(repeated, rows, strict=True)]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its names, repeated ones too."""

    def repeated(self) -> Repeated:
        return Repeated.of([name for name, _ in self])


def _pairs(body: bytes) -> _Pairs:
    try:
        # Numbers do not matter here, and Python's int would refuse one of 5,000 digits.
        pairs: _Pairs = json.loads(body, object_pairs_hook=_Pairs, parse_int=float)
    except RecursionError as error:
        raise MalformedRequest("the body is nested too deeply") from error
    return pairs


def too_many(most: int) -> TooLarge:
    """The error of a call for over `most` houses, whatever it came in by."""
    return TooLarge(f"a batch may hold at most {most:,} house{'s' * (most != 1)}")
