"""Outcomes as a table for a reader, and as CSV or JSON for a program."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from casa.cli.outcome import Explanation, Outcome, Price
from casa.house import HOUSE
from casa.model import bundle
from casa.model.bundle import Bundle

SHOWN_SHARES = 3
"""A terminal's line has room for the features that move a price most."""
DECIMALS = 4


def as_table(outcomes: Sequence[Outcome], model: Bundle) -> Table:
    """For a terminal: row, price, interval, and what there is to say."""
    table = Table(box=SIMPLE_HEAD, caption=f"in thousands of dollars, by model {model.version}", caption_justify="left")
    for title in ("row", "price", f"{model.ensemble.coverage:.0%} interval"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("")
    for outcome in outcomes:
        price = outcome.price
        figures = (f"{price.price:.2f}", f"{price.low:.2f} to {price.high:.2f}") if price else ("—", "—")
        note = Text(_note(price)) if price else Text(outcome.trouble, style="red")
        table.add_row(str(outcome.row), *figures, note)
    return table


def as_csv(outcomes: Sequence[Outcome], *, explain: bool) -> str:
    """For a program: each house as it was written, its price, and each feature's share if `explain`."""
    shares = ["base_value", *(f"{name}_share" for name in HOUSE.names)] if explain else []
    out = StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["row", *HOUSE.names, "price", "low", "high", *shares, "warnings", "error"])
    for outcome in outcomes:
        price = outcome.price
        figures = [price.price, price.low, price.high] if price else [""] * 3
        parts = _parts(price.explanation) if price and price.explanation else [""] * len(shares)
        notes = [_warned(price) if price else "", outcome.trouble]
        lines.writerow([outcome.row, *outcome.cells.values(), *figures, *parts, *notes])
    return out.getvalue()


def as_json(outcomes: Sequence[Outcome], model: Bundle) -> str:
    """For a program: the shape of the API's batch answer, each house with its row."""
    answer = {
        "predictions": [
            _prediction(one.row, one.price, coverage=model.ensemble.coverage) for one in outcomes if one.price
        ],
        "errors": [{"row": one.row, "errors": list(one.flaws)} for one in outcomes if one.flaws],
        "model_name": bundle.NAME,
        "model_version": model.version,
    }
    return json.dumps(answer, indent=2)


def _prediction(row: int, price: Price, *, coverage: float) -> Mapping[str, Any]:
    told = {
        "row": row,
        "prediction": price.price,
        "interval": {"low": price.low, "high": price.high, "coverage": coverage},
        "warnings": list(price.warnings),
    }
    if price.explanation is None:
        return told
    base, *shares = _parts(price.explanation)
    return {**told, "base_value": base, "contributions": dict(zip(HOUSE.names, shares, strict=True))}


def _parts(explanation: Explanation) -> list[float]:
    return [round(value, DECIMALS) for value in (explanation.base_value, *explanation.contributions.values())]


def _note(price: Price) -> str:
    warned = f"outside the training data: {_warned(price)}" if price.warnings else ""
    return "; ".join(filter(None, [_moved(price.explanation), warned]))


def _warned(price: Price) -> str:
    return " ".join(warning["feature"] for warning in price.warnings)


def _moved(explanation: Explanation | None) -> str:
    """The base value and the features that move it most."""
    if explanation is None:
        return ""
    shares = sorted(explanation.contributions.items(), key=lambda share: -abs(share[1]))[:SHOWN_SHARES]
    return f"{explanation.base_value:.2f} {' '.join(f'{value:+.2f} {name}' for name, value in shares)} …"
