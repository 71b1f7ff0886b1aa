"""From a house as it was given to the float32 row that the trees read: logs, gaps filled, terms, scaling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casa.house import Array

Matrix = NDArray[np.float32]

TERM = re.compile(r"(\w+)(?:([*/])(\w+))?")


@dataclass(frozen=True)
class Step:
    """One regression of a chained imputation: a column from all the others."""

    target: int
    intercept: float
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Imputer:
    """Fills gaps: first a value a column, then each step's regression in turn.

    Without steps these are medians. With them it is chained imputation (van Buuren and Groothuis-Oudshoorn,
    "mice", 2011), fitted by scikit-learn's IterativeImputer.
    """

    initial: tuple[float, ...]
    steps: tuple[Step, ...] = ()

    def fill(self, rows: Array) -> Array:
        """Rows (n, columns) without NaN; a row without gaps comes back as it was."""
        missing = np.isnan(rows)
        if not missing.any():
            return rows
        filled = np.where(missing, np.asarray(self.initial), rows)
        for step in self.steps:
            gaps = missing[:, step.target]
            if gaps.any():
                # A product and a row sum, not `@`: BLAS may add in another order when n changes.
                filled[gaps, step.target] = (filled[gaps] * np.asarray(step.weights)).sum(axis=1) + step.intercept
        return filled


@dataclass(frozen=True)
class Preprocessor:
    """An affine map over logs, products and ratios of a house's columns."""

    columns: tuple[str, ...]
    floors: Mapping[str, float]
    """Columns taken as logs, each with the least value it is taken for: log(0) has no place in a row."""
    imputer: Imputer
    terms: tuple[str, ...]
    """What the trees read: "RM", "TAX/RM", "CRIM*NOX"; a column in `floors` stands for its log."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        for term in self.terms:
            match = TERM.fullmatch(term)
            if not match or not {match[1], match[3] or match[1]} <= set(self.columns):
                raise ValueError(f"{term!r} is no term of {', '.join(self.columns)}")

    def transform(self, rows: Array) -> Matrix:
        """Houses (n, columns) with NaN for a gap to scaled terms (n, terms)."""
        mean, scale = self._affine
        return ((self.expand(rows) - mean) / scale).astype(np.float32)

    def expand(self, rows: Array) -> Array:
        """Houses (n, columns) to unscaled terms (n, terms)."""
        left, right = self._factors
        filled = self.imputer.fill(self.logged(rows))
        columns = filled.shape[1]
        padded = np.ones((len(rows), columns + len(self._divisors) + 1))
        padded[:, :columns] = filled
        padded[:, columns:-1] = 1.0 / filled[:, self._divisors]
        return np.asarray(padded.take(left, axis=1) * padded.take(right, axis=1))

    def logged(self, rows: Array) -> Array:
        """Houses with each column of `floors` replaced by its log."""
        places, floors = self._floors
        logged = rows.copy()
        logged[:, places] = np.log(np.maximum(rows[:, places], floors))
        return logged

    @cached_property
    def _affine(self) -> tuple[Array, Array]:
        """Arrays once and for all: made from tuples they cost each call 3 µs."""
        return np.array(self.mean), np.array(self.scale)

    @cached_property
    def _floors(self) -> tuple[list[int], Array]:
        return [self.columns.index(name) for name in self.floors], np.array(list(self.floors.values()))

    @cached_property
    def parents(self) -> tuple[tuple[str, ...], ...]:
        """For each term the columns it is made of."""
        return tuple(tuple(name for name in (left, right) if name) for left, _, right in self._parsed)

    @cached_property
    def _parsed(self) -> tuple[tuple[str, str | None, str | None], ...]:
        matches = [TERM.fullmatch(term) for term in self.terms]
        return tuple((m[1], m[2], m[3]) for m in matches if m)

    @cached_property
    def _divisors(self) -> list[int]:
        names = dict.fromkeys(right for _, op, right in self._parsed if op == "/" and right)
        return [self.columns.index(name) for name in names]

    @cached_property
    def _factors(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where in the padded row (columns, inverses, one) each term's two factors stand."""
        one = len(self.columns) + len(self._divisors)
        lefts = [self.columns.index(left) for left, _, _ in self._parsed]
        rights = [self._place(op, right) if right else one for _, op, right in self._parsed]
        return np.array(lefts, dtype=np.intp), np.array(rights, dtype=np.intp)

    def _place(self, op: str | None, right: str) -> int:
        at = self.columns.index(right)
        return at if op == "*" else len(self.columns) + self._divisors.index(at)

    def only(self, terms: Sequence[str]) -> Preprocessor:
        """The same preprocessor with some of its terms."""
        places = [self.terms.index(term) for term in terms]
        mean, scale = (tuple(values[place] for place in places) for values in (self.mean, self.scale))
        return replace(self, terms=tuple(terms), mean=mean, scale=scale)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back."""
        return {
            "columns": list(self.columns),
            "floors": dict(self.floors),
            "initial": list(self.imputer.initial),
            "steps": [[s.target, s.intercept, list(s.weights)] for s in self.imputer.steps],
            "terms": list(self.terms),
            "mean": list(self.mean),
            "scale": list(self.scale),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Preprocessor:
        """What `to_dict` made."""
        steps = tuple(Step(target, intercept, tuple(weights)) for target, intercept, weights in saved["steps"])
        return cls(
            columns=tuple(saved["columns"]),
            floors=dict(saved["floors"]),
            imputer=Imputer(tuple(saved["initial"]), steps),
            terms=tuple(saved["terms"]),
            mean=tuple(saved["mean"]),
            scale=tuple(saved["scale"]),
        )
