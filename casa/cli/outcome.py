"""What comes of each row of a table: a price, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from casa.cli.sheet import Sheet
from casa.errors import Flaw
from casa.house import HOUSE, Array
from casa.model.bundle import Bundle
from casa.model.engine import BoosterEngine
from casa.model.explain import Explainer
from casa.model.pricer import HouseWarning, Pricer
from casa.table import shorten


@dataclass(frozen=True)
class Explanation:
    """How a price comes about: the base value and each feature's share add up to it."""

    base_value: float
    contributions: Mapping[str, float]


@dataclass(frozen=True)
class Price:
    """A house's price and its interval, in thousands of dollars."""

    price: float
    low: float
    high: float
    warnings: Sequence[HouseWarning]
    explanation: Explanation | None


@dataclass(frozen=True)
class Outcome:
    """One row: its number, its cells, and its price or its flaws."""

    row: int
    cells: Mapping[str, str]
    price: Price | None
    flaws: Sequence[Flaw]

    @property
    def trouble(self) -> str:
        """The flaws in words, each with the cell it is about."""
        return "; ".join(self._tell(flaw) for flaw in self.flaws)

    def _tell(self, flaw: Flaw) -> str:
        name = "".join(map(str, flaw["loc"]))
        cell = self.cells.get(name, "")
        return (f"{name}: " if name else "") + flaw["msg"] + (f", not {shorten(cell)}" if cell else "")


def price_sheet(sheet: Sheet, bundle: Bundle, *, explain: bool) -> list[Outcome]:
    """What comes of each row, in the rows' order; prices with an explanation if `explain`."""
    houses, text = sheet.houses()
    flaws = sheet.flaws(houses, text)
    prices = _prices(houses[[not found for found in flaws]], bundle, explain=explain)
    return [
        Outcome(row.number, {name: sheet.cell(row, name) for name in HOUSE.names}, None if bad else next(prices), bad)
        for row, bad in zip(sheet.rows, flaws, strict=True)
    ]


def _prices(houses: Array, bundle: Bundle, *, explain: bool) -> Iterator[Price]:
    pricer = Pricer(bundle)
    prices = zip(*(values.tolist() for values in pricer.price(houses)), strict=True)
    explanations = _explain(houses, bundle) if explain and len(houses) else [None] * len(houses)
    for house, (price, low, high), explanation in zip(houses.tolist(), prices, explanations, strict=True):
        yield Price(price, low, high, pricer.warnings(house), explanation)


def _explain(houses: Array, bundle: Bundle) -> list[Explanation]:
    forest = BoosterEngine(bundle.boosters).forest
    shares = Explainer(bundle.preprocessor, bundle.ensemble.members, forest).shares(houses)
    rows = zip(shares.base.tolist(), shares.contributions.tolist(), strict=True)
    return [Explanation(base, dict(zip(HOUSE.names, row, strict=True))) for base, row in rows]
