"""From how many rows on is XGBoost faster than ONNX Runtime? `casa.model.pricer.ONNX_ROWS` comes from here.

Example: python -m benchmarks.engines
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from benchmarks.table import machine, show
from casa.house import HOUSE
from casa.model import bundle
from casa.model.bundle import GRAPH, Bundle
from casa.model.engine import BoosterEngine, OnnxEngine
from casa.model.pricer import Pricer
from casa.model.store import open_store

COUNTS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 256, 512, 1000)
ROUNDS = 7
LEAST_SECONDS = 0.02


def main() -> None:
    """Time both engines on the champion, round by round in turn, and print the medians."""
    saved = bundle.load(open_store().find())
    show(f"engines, µs a call ({machine()})", ("rows", "ONNX Runtime", "XGBoost", "ratio", "whole price"), _rows(saved))


def _rows(saved: Bundle) -> list[Sequence[object]]:
    onnx, booster, pricer = OnnxEngine(saved.files[GRAPH]), BoosterEngine(saved.boosters), Pricer(saved)
    low, high = ([getattr(feature, end) for feature in HOUSE.features] for end in ("low", "high"))
    found: list[Sequence[object]] = []
    for count in COUNTS:
        houses = np.random.default_rng(count).uniform(low, high, size=(count, len(low)))
        rows = saved.preprocessor.transform(houses)
        calls = (lambda r=rows: onnx.margins(r), lambda r=rows: booster.margins(r), lambda h=houses: pricer.price(h))
        first, second, whole = _turns(calls)
        found.append((count, first, second, first / second, whole))
    return found


def _turns(calls: tuple[Callable[[], object], ...]) -> list[float]:
    rounds = [[_microseconds(call) for call in calls] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds, strict=True)]


def _microseconds(call: Callable[[], object]) -> float:
    repeats, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < LEAST_SECONDS:
        call()
        repeats += 1
    return spent / repeats * 1e6


if __name__ == "__main__":
    main()
