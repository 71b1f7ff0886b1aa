"""How fast the figures and the dashboard are with a full journal: a real service, and a real browser.

The journal holds 29 days of three replicas, written by the journal itself. Example: python -m benchmarks.pages   (three
minutes, 3 GB); python -m benchmarks.pages 100000   (that many rows alone)
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, event

from benchmarks import servers
from benchmarks.servers import Server
from benchmarks.table import machine, show
from casa.database import open_database, reading
from casa.house import Array
from casa.migration import migrate
from casa.model.bundle import REFERENCE, Bundle, load
from casa.model.pricer import Pricer
from casa.model.store import open_store
from casa.monitoring.answers import Answered
from casa.monitoring.feedback import Feedback
from casa.monitoring.journal import Journal
from casa.monitoring.ledger import Ledger, Replica
from casa.monitoring.live import LiveError
from casa.monitoring.metrics import Metrics
from casa.monitoring.outlook import Outlook
from casa.monitoring.packer import Packer
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.monitoring.summary import Summary
from casa.monitoring.window_table import WindowTable
from casa.sale import Sale
from casa.settings import Settings
from casa.transports.identity import fresh
from pipeline.ingest import bundled

SIZES = (1_000_000, 10_000_000)
SPAN = timedelta(days=29)
REPLICAS = 3
HOUSES = 100
"""Houses of one call."""
STEP = 100
"""Calls that are written at once."""
SALES = 1_000
LOOKS, PAINTS = 200, 5
ROUTES = ("/monitoring", "/drift")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu")
PAINT = """() => new Promise((tell) => new PerformanceObserver((seen) => tell(seen.getEntries().at(-1).startTime))
  .observe({ type: "largest-contentful-paint", buffered: true }))"""
HEADER = ("predictions", *(f"{route}, {what}" for route in ROUTES for what in ("ms", "CPU ms")), "largest paint, ms")


def main(argv: Sequence[str] = ()) -> None:
    """Fill a journal of each size, ask for the figures, look at the page; print the times and the query plans."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("rows", nargs="*", type=int, default=list(SIZES))
    saved = load(open_store().find())
    os.sched_setaffinity(0, {1})  # the server has the other core for itself
    with TemporaryDirectory() as folder:
        rows = [_measure(Path(folder) / str(size), saved, rows=size) for size in parser.parse_args(argv).rows]
    show(f"the pages ({machine()})", HEADER, rows)


def _measure(folder: Path, saved: Bundle, *, rows: int) -> tuple[object, ...]:
    with database(folder) as engine:
        fill(engine, saved, rows=rows)
        version = saved.version
        show(f"query plans, {rows:,} rows", ("plan",), ([plan] for plan in plans(engine, asking(engine, version))))
    with servers.casa(journal="buffered", folder=folder) as casa:
        figures = [figure for route in ROUTES for figure in _look(casa, route)]
        found = f"{rows:,}", *figures, _paint(casa)
    shutil.rmtree(folder)
    return found


@contextmanager
def database(folder: Path) -> Iterator[Engine]:
    """An empty journal there."""
    engine = open_database(Settings(data_dir=folder))
    migrate(engine)
    yield engine
    engine.dispose()


def fill(engine: Engine, saved: Bundle, *, rows: int, now: datetime | None = None) -> None:
    """As many predictions as three replicas leave behind in 29 days, their roll-ups and windows, and some sales."""
    end = now or datetime.now(UTC)
    told = _told(saved)
    for _ in range(REPLICAS):
        _replicate(engine, saved, told, calls=rows // HOUSES // REPLICAS, end=end)


def _told(saved: Bundle) -> Priced:
    """The houses of one call and what they cost."""
    houses: Array = bundled().to_numpy(dtype=np.float64)[:HOUSES, :-1]
    return Priced.many(houses, Pricer(saved).price(houses))


def _replicate(engine: Engine, saved: Bundle, told: Priced, *, calls: int, end: datetime) -> None:
    """One replica's life: its calls go by the ways of a running service, at the times at which they would have been."""
    replica = Replica(fresh(), saved.version, end - SPAN)
    reference = Reference.from_dict(saved.document(REFERENCE))
    journal = Journal(
        Ledger(engine, Packer(reference, version=saved.version), replica),
        promise="buffered",
        metrics=Metrics(),
        now=lambda: end,
    )
    outlook = Outlook(reference, now=lambda: end)
    moments = np.linspace((end - SPAN).timestamp(), end.timestamp(), calls, endpoint=False).tolist()
    for at in range(0, calls, STEP):
        answered = [_call(told, moment) for moment in moments[at : at + STEP]]
        journal.watch(answered, lost=0)
        journal.write()
        for one in answered:
            outlook.watch([one], lost=0)
    _windows(engine, saved, replica.id).write(outlook.own)
    _sell(engine, journal, [one.request_id for one in answered], now=end)


def _call(told: Priced, moment: float) -> Answered:
    return Answered(moment, "/predict/batch", "200", 0.002, (0.0, 0.0, 0.001), fresh(), "acme", 0, told)


def _windows(engine: Engine, saved: Bundle, replica: str) -> WindowTable:
    digest = sha256(saved.files[REFERENCE]).hexdigest()
    return WindowTable(engine, version=saved.version, reference=digest, replica=replica)


def _sell(engine: Engine, journal: Journal, request_ids: Sequence[str], *, now: datetime) -> None:
    feedback = Feedback(engine, journal, now=lambda: now)
    for place in range(SALES // REPLICAS):
        request_id, row = request_ids[place // HOUSES], place % HOUSES
        feedback.write(Sale(request_id=request_id, row=row, price=25.0), "acme")


def asking(engine: Engine, version: str) -> Callable[[], None]:
    """All that the pages, and the threads that keep their figures, ask of the database."""
    now = datetime.now(UTC)
    windows = WindowTable(engine, version=version, reference="", replica="")

    def ask() -> None:
        Summary(engine, now=lambda: now).read()
        LiveError(engine, version=version).look()
        windows.read(since=now - SPAN)

    return ask


def plans(engine: Engine, ask: Callable[[], object]) -> list[str]:
    """How SQLite finds what is asked for: a line for each step."""
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:  # SQLAlchemy's connection, cursor, statement, values and more
        asked.append((call[2], call[3]))

    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    with reading(engine) as connection:
        found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all() for sql, values in asked]
    return [step[-1] for steps in found for step in steps]


def _look(casa: Server, route: str) -> tuple[float, float]:
    """Milliseconds of a call, and the server's CPU milliseconds."""
    with httpx.Client(base_url=f"http://127.0.0.1:{casa.http}", headers={"x-api-key": casa.key}) as client:
        client.get(route).raise_for_status()
        before, times = casa.cpu(), []
        for _ in range(LOOKS):
            start = time.perf_counter()
            client.get(route).raise_for_status()
            times.append(time.perf_counter() - start)
    return median(times) * 1e3, (casa.cpu() - before) / LOOKS * 1e3


def _paint(casa: Server) -> float:
    """Milliseconds until the dashboard's largest content is painted, in a browser that has seen nothing before."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        return median(_paint_once(browser, casa) for _ in range(PAINTS))


def _paint_once(browser: Browser, casa: Server) -> float:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{casa.http}/dashboard#key={casa.key}")
        for panel in ("service", "drift"):
            page.locator(f"#{panel} .fresh", has_text="As of").wait_for()
        return float(page.evaluate(PAINT))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
