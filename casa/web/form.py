"""The form for one house, made from its declaration, and three houses to begin with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import orjson

from casa.house import HOUSE, Feature

STEPS = 200
"""A slider has at least as many."""

EXAMPLES: Mapping[str, tuple[float, ...]] = {
    "A green suburb": (0.0351, 95, 2.68, 0, 0.4161, 7.853, 33.2, 5.118, 4, 224, 14.7, 392.78, 3.81),
    "By the river": (0.09065, 20, 6.96, 1, 0.464, 5.92, 61.5, 3.9175, 3, 223, 18.6, 391.34, 13.65),
    "The dense city": (11.0874, 0, 18.1, 0, 0.718, 6.411, 100, 1.8589, 24, 666, 20.2, 318.75, 15.02),
}
"""Three houses of the bundled table, in the declaration's order."""


def fields() -> str:
    """A labelled field for every feature, filled with the declaration's example."""
    return "".join(map(_field, HOUSE.features))


def examples() -> str:
    """A button for every example; what it fills in stands in `data-house`."""
    houses = {name: dict(zip(HOUSE.names, values, strict=True)) for name, values in EXAMPLES.items()}
    return "".join(
        f'<button type="button" data-house="{escape(orjson.dumps(house).decode())}">{escape(name)}</button>'
        for name, house in houses.items()
    )


def _field(feature: Feature) -> str:
    words = feature.description[0].upper() + feature.description[1:]
    left_out = "; may be left out" * feature.optional
    hint = f"{feature.name}, {feature.low:g} to {feature.high:g} {feature.unit}{left_out}"
    if feature.binary:
        control, hint = _choice(feature), f"{feature.name}{left_out}"
    else:
        control = _numbers(feature, words)
    return (
        f'<div class="field"><label for="{feature.name}">{escape(words)}</label>{control}'
        f'<p class="hint" id="{feature.name}-hint">{escape(hint)}</p></div>'
    )


def _choice(feature: Feature) -> str:
    options = "".join(
        f'<option value="{value}"{" selected" * (value == str(feature.example))}>{word}</option>'
        for value, word in (("0", "no"), ("1", "yes"), ("", "not known"))
    )
    return (
        f'<select id="{feature.name}" name="{feature.name}" aria-describedby="{feature.name}-hint">{options}</select>'
    )


def _numbers(feature: Feature, words: str) -> str:
    ends = f'min="{feature.low:g}" max="{feature.high:g}" value="{feature.example:g}"'
    required = "" if feature.optional else " required"
    return (
        f'<input type="range" data-for="{feature.name}" {ends} step="{_step(feature):g}"'
        f' aria-label="{escape(words)}, slider">'
        f'<input type="number" id="{feature.name}" name="{feature.name}" {ends} step="any"{required}'
        f' aria-describedby="{feature.name}-hint">'
    )


def _step(feature: Feature) -> float:
    """A slider's step: a power of ten."""
    return float(10 ** math.floor(math.log10((feature.high - feature.low) / STEPS)))
