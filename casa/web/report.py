"""What `/model` shows of a model: how good it is, what was tried, its pictures, its card and where it comes from."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from casa.model import bundle
from casa.model.bundle import Bundle

PLOTS = {
    "predicted_against_actual": "Predicted against actual prices of the test rows",
    "residuals": "Errors over the predicted prices of the test rows",
    "shap_importance": "How much each feature moves the price on average (SHAP)",
    "shap_beeswarm": "What each feature adds to each test row's price (SHAP), coloured by the feature's value",
}
"""The pictures of a bundle and what they show."""
COLUMNS = {
    "cv_rmse": "RMSE, cross-validated",
    "train_rmse": "RMSE, training rows",
    "test_rmse": "RMSE, test rows",
    "test_mae": "Mean absolute error, test rows",
    "test_r2": "R², test rows",
}
"""What an experiment is compared by; errors are in thousands of dollars."""
WIDE = '<div class="wide" role="region" aria-label="Table" tabindex="0">'
"""Around a table: a wide one scrolls by itself, by keyboard too, so that the page need not."""
MISSING = "<p>This model was saved without {what}; one that is trained now has {them}.</p>"


def report(saved: Bundle) -> str:
    """HTML for the page, of the parts a bundle has; where it lacks one, the page says so."""
    metrics, lineage = saved.document(bundle.METRICS), saved.document(bundle.LINEAGE)
    return "".join(
        f"<section>{content}</section>"
        for content in (
            f"<h2>Experiments</h2>{_experiments(metrics.get('experiments', []), winner=metrics.get('winner'))}",
            f"<h2>Pictures</h2>{_pictures(saved.files)}",
            _card(saved.card),
            f"<h2>Lineage</h2>{_facts({'version': saved.version, **lineage})}",
        )
    )


def _experiments(rows: Iterable[Mapping[str, Any]], *, winner: object) -> str:
    if not rows:
        return MISSING.format(what="its experiments", them="them")
    heads = "".join(f'<th scope="col" class="number">{title}</th>' for title in COLUMNS.values())
    body = "".join(_experiment(row, won=row["name"] == winner) for row in rows)
    return f'{WIDE}<table><tr><th scope="col">Experiment</th>{heads}</tr>{body}</table></div>'


def _experiment(row: Mapping[str, Any], *, won: bool) -> str:
    cells = "".join(
        f'<td class="number">{row[name]:.3f}</td>' if name in row else "<td>not known</td>" for name in COLUMNS
    )
    name = escape(row["name"]) + (" <strong>chosen</strong>" if won else "")
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _pictures(files: Mapping[str, bytes]) -> str:
    found = {words: files[path] for name, words in PLOTS.items() if (path := f"plots/{name}.png") in files}
    if not found:
        return MISSING.format(what="pictures", them="them")
    return f'<div class="pictures">{"".join(_picture(words, png) for words, png in found.items())}</div>'


def _picture(words: str, png: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<figure><img src="{source}" alt="{words}"><figcaption>{words}</figcaption></figure>'


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td><code>{escape(str(value))}</code></td></tr>'
        for name, value in _flat(facts)
    )
    return f"{WIDE}<table>{rows}</table></div>"


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield prefix + name, "not known" if value is None else value


def _card(card: str) -> str:
    """The card, its headings one level down, under the page's own."""
    # Raw HTML stays text and pictures are left out: a card is a file that others may have written.
    from markdown_it import MarkdownIt  # only whoever looks at the page pays for it

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = reader.parse(card)
    reader.add_render_rule("table_open", lambda *_: f"{WIDE}<table>")
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if token.attrs.pop("style", None):  # only a table's cells have one, and the page's policy forbids it
            token.attrs["class"] = "number"
    return str(reader.renderer.render(tokens, reader.options, {}))
