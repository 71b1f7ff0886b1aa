"""Casa's own routes, as their callers see them; those of the Open Inference Protocol are in `infer_operations`."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel

from casa.access.keys import Scope
from casa.house import HOUSE, House
from casa.sale import Sale
from casa.transports.parse import ENVELOPE
from casa.transports.schema import (
    Dashboard,
    Drift,
    Explanation,
    Health,
    Houses,
    ModelFacts,
    Monitoring,
    Price,
    Prices,
    Problem,
    Sold,
    Status,
    TableFacts,
)

JsonObject = dict[str, Any]  # JSON

ARRIVING = (400, 408, 431, 503)
"""How any call may fail before anybody knows its route: no clear HTTP, a slow or large head, no room."""
LOCKED = (401, 403, 429)
"""How a call that needs a key may fail for it."""
CALLING = tuple(sorted((400, 408, 411, 413, 415, 422, 500, 503, 504, *LOCKED)))
"""How a call with a body may fail."""
READING = (*LOCKED, 500, 503)
"""How a call without a body may fail that needs a key, even if not always."""
CHARGED = (200, 400, 404, 413, 422, 429, 500, 503)
"""What may be answered after a call was counted: one that cannot be read is counted, too."""

MONITORED = (
    "No key is needed, unless the operator has set `CASA_OPEN_MONITORING=false`: then it needs one with the scope"
    " `monitor`."
)
PROGRAMS = (
    "The page needs no key, and is what callers get who do not ask for JSON by `Accept: application/json`. The JSON"
    " needs a key with the scope `{scope}`."
)
BROWSERS = (
    "JSON, which needs a key with the scope `predict`, unless `Accept` names `text/html`, as browsers do: the page"
    " needs no key."
)


class Operation(NamedTuple):
    """One route, as its callers see it."""

    path: str
    name: str
    summary: str
    answer: type[BaseModel] | None
    """What 200 holds; None for a page."""
    failures: tuple[int, ...]
    """How it may fail once it has arrived."""
    asks: type[BaseModel] | None = None
    """What the body holds; None for a route that is only read."""
    example: JsonObject | None = None
    scope: Scope | None = None
    """What its caller's key must open; None if it needs no key."""
    unlocked: str = ""
    """When it needs no key although it has a scope, in words; empty if it always does."""
    page: bool = False
    """Is it a page, too?"""
    note: str = ""
    """What else callers must know."""
    refusal: type[BaseModel] = Problem
    """What its failures hold."""
    binary: bool = False
    """May bodies hold tensors' bytes?"""


OPERATIONS = (
    Operation(
        "/predict",
        "predict",
        "The price of one house",
        Price,
        CALLING,
        House,
        HOUSE.example,
        scope="predict",
    ),
    Operation(
        "/predict/batch",
        "predict_batch",
        "The prices of many houses; a bad one spoils only itself",
        Prices,
        CALLING,
        Houses,
        {ENVELOPE: [HOUSE.example]},
        scope="predict",
    ),
    Operation(
        "/explain",
        "explain",
        "The price of one house, and how much each feature adds to it",
        Explanation,
        CALLING,
        House,
        HOUSE.example,
        scope="predict",
    ),
    Operation(
        "/feedback",
        "feedback",
        "What a house really sold for; a second price replaces the first",
        Sold,
        tuple(sorted((*CALLING, 404))),
        Sale,
        {"request_id": "6b05b58a0955329b319aef371fd1e9ed", "row": 0, "price": 24.0},
        scope="feedback",
    ),
    Operation("/metrics", "metrics", "What Prometheus reads", None, READING, scope="monitor", unlocked=MONITORED),
    Operation(
        "/drift",
        "drift",
        "How far the houses have moved from those of the training",
        Drift,
        READING,
        scope="monitor",
        unlocked=MONITORED,
    ),
    Operation(
        "/monitoring",
        "monitoring",
        "What the calls of all replicas add up to",
        Monitoring,
        READING,
        scope="monitor",
    ),
    Operation("/health", "health", "What is served, and since when", Health, (500, 503)),
    Operation("/livez", "livez", "Is the process alive?", Status, (500,)),
    Operation("/readyz", "readyz", "Is it ready for callers?", Status, (500, 503)),
    Operation(
        "/model",
        "model",
        "The model: its features, how good it is, where it comes from; a page for browsers",
        ModelFacts,
        READING,
        scope="predict",
        unlocked=BROWSERS,
        page=True,
    ),
    Operation("/model/report", "model_report", "What the page about the model shows", None, READING, scope="predict"),
    Operation("/docs.json", "openapi", "This document", None, (500,)),
    Operation("/docs", "docs", "This document for people", None, (500,)),
    Operation("/", "home", "The page that prices a house", None, (500, 503)),
    Operation(
        "/dashboard",
        "dashboard",
        "The page that watches; its figures as JSON need a key",
        Dashboard,
        READING,
        scope="monitor",
        unlocked=PROGRAMS.format(scope="monitor"),
        page=True,
    ),
    Operation(
        "/data",
        "data",
        "The page about the table of houses; JSON of it needs a key",
        TableFacts,
        READING,
        scope="predict",
        unlocked=PROGRAMS.format(scope="predict"),
        page=True,
    ),
    Operation(
        "/data/report",
        "data_report",
        "The report that this page shows",
        None,
        tuple(sorted((404, *READING))),
        scope="predict",
    ),
)
