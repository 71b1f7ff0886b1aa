"""What can be read: the health of the service, its model, its interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import generate_latest

from casa.access.keys import Scope
from casa.errors import Unavailable
from casa.house import HOUSE
from casa.model import bundle
from casa.monitoring.question import ask
from casa.transports import docs, openapi, site
from casa.transports.answer import HTML, TEXT, Answer, as_json
from casa.transports.serving import Serving
from casa.web import pages
from casa.web.report import report

Route = Callable[[Serving | None], Answer | Awaitable[Answer]]


def ready(serving: Serving | None) -> Serving:
    """The model at work; Unavailable until it is loaded and warmed."""
    if serving is None:
        raise Unavailable("the model is still being loaded")
    return serving


def livez(_: Serving | None) -> Answer:
    """The process answers."""
    return as_json({"status": "alive"})


def readyz(serving: Serving | None) -> Answer:
    """New callers are welcome."""
    ready(serving).check_ready()
    return as_json({"status": "ready"})


def health(serving: Serving | None) -> Answer:
    """What is served, and since when."""
    here = ready(serving)
    return as_json(
        {
            "status": "draining" if here.draining else "ok",
            "model_name": bundle.NAME,
            "model_version": here.bundle.version,
            "uptime_seconds": here.uptime_seconds,
        }
    )


def model(serving: Serving | None) -> Answer:
    """The model: its features, how good it is, where it comes from."""
    saved = ready(serving).bundle
    features = [
        {
            "name": feature.name,
            "description": feature.description,
            "unit": feature.unit,
            "low": feature.low,
            "high": feature.high,
            "required": not feature.optional,
        }
        for feature in HOUSE.features
    ]
    return as_json(
        {
            "name": bundle.NAME,
            "version": saved.version,
            "features": features,
            "metrics": saved.document(bundle.METRICS),
            "lineage": saved.document(bundle.LINEAGE),
            "card": saved.card,
        }
    )


def spec(_: Serving | None) -> Answer:
    """The interface as OpenAPI."""
    return Answer(openapi.rendered())


def page(_: Serving | None) -> Answer:
    """The interface for people."""
    return Answer(docs.page().encode(), media=HTML, headers=((b"content-security-policy", docs.POLICY.encode()),))


def home(serving: Serving | None) -> Answer:
    """The page that prices a house."""
    settings = ready(serving).settings
    return site.show(pages.home(max_rows=settings.max_rows, grpc_port=settings.grpc_port))


def page_of(name: str) -> Route:
    """One of the other pages for people."""
    return lambda _: site.show(pages.page(name))


def model_report(serving: Serving | None) -> Answer:
    """What the page about the model shows."""
    return Answer(report(ready(serving).bundle).encode(), media=HTML)


async def data_report(serving: Serving | None) -> Answer:
    """What the page about the table shows."""
    return await asyncio.to_thread(site.table_report, ready(serving).settings.report_file)


def metrics(serving: Serving | None) -> Answer:
    """What Prometheus reads."""
    here = ready(serving)
    here.pass_on()
    return Answer(generate_latest(here.metrics.registry), media=TEXT)


def drift(serving: Serving | None) -> Answer:
    """How far the houses have moved from those that the model was trained on."""
    here = ready(serving)
    here.pass_on()
    return as_json(here.outlook.report())


async def monitoring(serving: Serving | None) -> Answer:
    """What the calls of all replicas add up to."""
    return as_json(await _add_up(ready(serving)))


async def figures(serving: Serving | None) -> Answer:
    """What the dashboard shows, for a program."""
    here = ready(serving)
    here.pass_on()
    return as_json({"monitoring": await _add_up(here), "drift": here.outlook.report()})


def table(serving: Serving | None) -> Answer:
    """The table that the model was trained on, column by column, for a program."""
    saved = ready(serving).bundle
    seen = saved.document(bundle.REFERENCE)
    return as_json(
        {
            "data_sha256": saved.document(bundle.LINEAGE).get("data_sha256"),
            "rows": seen.get("rows"),
            "features": {name: seen["features"][name] for name in HOUSE.names},
            "prices": seen["prices"],
        }
    )


async def _add_up(here: Serving) -> dict[str, Any]:
    own = {"uptime_seconds": here.uptime_seconds, "estimated_rmse": here.outlook.estimated_rmse}
    return {**await ask(here.records.summary.read), **own}


ROUTES: Mapping[str, Route] = {
    "/health": health,
    "/livez": livez,
    "/readyz": readyz,
    "/metrics": metrics,
    "/drift": drift,
    "/monitoring": monitoring,
    "/model": model,
    "/docs.json": spec,
    "/docs": page,
    "/": home,
    "/dashboard": page_of("dashboard"),
    "/data": page_of("data"),
    "/data/report": data_report,
    "/model/report": model_report,
}

PAGES: Mapping[str, Route] = {"/model": page_of("model")}
"""What a browser gets where a program gets JSON."""
PROGRAMS: Mapping[str, Route] = {"/dashboard": figures, "/data": table}
"""What a program gets that asks for JSON, where everybody else gets the page."""

LOCKED: Mapping[Route, Scope] = {
    **dict.fromkeys((model, model_report, table, data_report), "predict"),
    **dict.fromkeys((monitoring, figures), "monitor"),
}
"""What only a key with this scope opens."""
MONITORING: Mapping[Route, Scope] = {metrics: "monitor", drift: "monitor"}
"""The same, where the operator wants it so."""


def scope_of(route: Route, serving: Serving | None) -> Scope | None:
    """The scope that opens a route; None if it is open to everybody."""
    closed = serving is not None and not serving.settings.open_monitoring
    return LOCKED.get(route) or (MONITORING.get(route) if closed else None)
