"""Golden predictions: houses and prices of the bundle. A pod that answers otherwise serves another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from casa.model.bundle import GOLDEN, Bundle
from casa.rollout.line import Line

TOLERANCE = 1e-3
"""In thousands of dollars; the digits that an answer has are ten times as fine."""
REFUSED = frozenset({401, 403})
LATER = 429


class Pattern(NamedTuple):
    """One house and what it costs."""

    house: Mapping[str, float]
    price: float


class Golden:
    """Asks pods for a version's golden predictions, round and round."""

    def __init__(self, version: str, patterns: Sequence[Pattern]) -> None:
        self._version = version
        self._patterns = patterns
        self._next = 0

    def __len__(self) -> int:
        return len(self._patterns)

    def ask(self, line: Line, *, calls: int) -> list[str]:
        """What is wrong with the answers to so many calls, in a sentence each."""
        places = [(self._next + call) % len(self._patterns) for call in range(calls)]
        self._next += calls
        asked = [self._patterns[place] for place in places]
        answers = line.predict([pattern.house for pattern in asked])
        found = (_judge(*one, version=self._version) for one in zip(asked, answers, strict=True))
        return [f"pod {line.name}: {sentence}" for sentence in found if sentence]


def read_golden(saved: Bundle) -> Golden:
    """The bundle's own."""
    return Golden(saved.version, list(_patterns(saved.document(GOLDEN))))


def _patterns(document: Sequence[Mapping[str, Any]]) -> Iterator[Pattern]:
    for one in document:
        yield Pattern(one["house"], float(one["price"]))


def _judge(pattern: Pattern, answer: tuple[int, Mapping[str, Any]], *, version: str) -> str | None:
    """What is wrong with an answer; None if nothing is. A call over the quota says nothing of the model."""
    status, told = answer
    if status == LATER:
        return None
    if status in REFUSED:
        return f"it answers {status}: CASA_API_KEY must be a key of its own with the scope predict"
    if status != 200:
        return f"it answers {status} for a golden house"
    if told.get("model_version") != version:
        return f"it serves model {told.get('model_version')}, not {version}"
    price = float(told.get("prediction", "nan"))
    if not abs(price - pattern.price) <= TOLERANCE:
        return f"a golden price is off: {price:g} for {pattern.price:g}"
    return None
