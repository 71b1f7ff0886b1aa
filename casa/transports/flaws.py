"""What is wrong with a house, told without repeating what the caller sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from casa.errors import Flaw
from casa.house import HOUSE, House

KNOWN = frozenset(HOUSE.names)
LONGEST_NAME = 32
MOST_NAMES = 20
"""So many unknown names are told apart; the rest only count."""

UNKNOWN = Flaw(loc=[], msg="No feature of a house has this name", type="extra_forbidden")
REPEATED = Flaw(loc=[], msg="This name is given more than once", type="repeated_name")

_HOUSE = TypeAdapter(House)


def find(row: object) -> list[Flaw]:
    """All that is wrong with one row as orjson parsed it; empty for a house that can be priced."""
    if isinstance(row, Repeated):
        return _named(row, REPEATED)
    if not isinstance(row, dict):
        return [Flaw(loc=[], msg="A house is an object that holds numbers by name", type="object_type")]
    unknown = [name for name in row if name not in KNOWN]
    try:
        _HOUSE.validate_python({name: value for name, value in row.items() if name in KNOWN})
    except ValidationError as error:
        return told(error) + _named(unknown, UNKNOWN)
    return _named(unknown, UNKNOWN)


def told(error: ValidationError) -> list[Flaw]:
    """pydantic's words, without its quotations."""
    flaws = error.errors(include_input=False, include_url=False, include_context=False)
    return [Flaw(loc=_place(flaw["loc"]), msg=flaw["msg"], type=flaw["type"]) for flaw in flaws]


def within(index: int, flaws: Sequence[Flaw]) -> list[Flaw]:
    """A row's flaws as those of the whole batch."""
    return [Flaw(loc=["instances", index, *flaw["loc"]], msg=flaw["msg"], type=flaw["type"]) for flaw in flaws]


class Repeated(list[str]):
    """Stands for a row in which these names are given more than once."""

    @classmethod
    def of(cls, names: Sequence[str]) -> Repeated:
        """The names that occur more than once."""
        return cls(name for name, count in Counter(names).items() if count > 1)


def _named(names: Sequence[str], flaw: Flaw) -> list[Flaw]:
    """The flaw for each name."""
    shown = [
        Flaw(loc=[name] if _harmless(name) else [], msg=flaw["msg"], type=flaw["type"]) for name in names[:MOST_NAMES]
    ]
    return shown + [flaw] * (len(names) - len(shown))


def _place(loc: Sequence[str | int]) -> list[str | int]:
    return [part for part in loc if isinstance(part, int) or _harmless(part)]


def _harmless(name: str) -> bool:
    """May it be shown? A slip of the pen is, markup is not."""
    return len(name) <= LONGEST_NAME and name.isascii() and name.isidentifier()
