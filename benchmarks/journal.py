"""What the journal's writer costs: SQLite in a temporary folder, all of it on this machine's clock.

Example: python -m benchmarks.journal   (a minute)
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import Engine

from benchmarks.table import machine, show
from casa.database import open_database
from casa.house import Array
from casa.migration import migrate
from casa.model.ensemble import Prices
from casa.monitoring.answers import Answered
from casa.monitoring.journal import MOST_ROWS, Journal
from casa.monitoring.ledger import Ledger, Replica
from casa.monitoring.metrics import Metrics
from casa.monitoring.packer import Packer
from casa.monitoring.priced import Priced
from casa.monitoring.reference import Reference
from casa.settings import Promise, Settings
from casa.transports.identity import fresh
from casa.transports.serving import SWITCH_SECONDS
from pipeline.ingest import bundled
from pipeline.reference import reference

ROWS = 1_000_000
VERSION = "0123456789ab"
IDLE_SECONDS = 5
BATCH = 1_000
STEP = 10_000
HEADER = ("calls of", "rows/s", "CPU µs a row", "bytes a row", "longest pause of 1,000, ms", "peak MiB")


def main() -> None:
    """Write a million rows in each of two shapes."""
    sys.setswitchinterval(SWITCH_SECONDS)  # as the service has it
    shapes = {"one house": single, f"{BATCH:,} houses": many}
    written = [(name, *_write(make)) for name, make in shapes.items()]
    show(f"the journal's writer ({machine()})", HEADER, [*written, ("nothing", "", "", "", _idle(), "")])


def single(houses: Array) -> list[Answered]:
    """Calls for one house each."""
    return [_call(Priced.one(house, 24.0, 20.0, 28.0)) for house in houses.tolist()]


def many(houses: Array) -> list[Answered]:
    """Calls for a thousand houses each."""
    prices = Prices(*(np.full(BATCH, price) for price in (24.0, 20.0, 28.0)))
    return [_call(Priced.many(houses[at : at + BATCH], prices)) for at in range(0, len(houses), BATCH)]


def _call(priced: Priced) -> Answered:
    return Answered(time.time(), "/predict", "200", 0.001, (0.0, 0.0, 0.001), fresh(), "acme", 0, priced)


def _write(make: Callable[[Array], list[Answered]]) -> tuple[float, ...]:
    """Rows a second, CPU a row, bytes a row, the longest pause of another thread but for one in 1,000, peak memory."""
    with _database() as engine:
        journal = _journal(engine, promise="buffered")
        houses = np.tile(_table()[:, :-1], (20, 1))[:STEP]
        journal.start()
        began, cpu, pauses = time.perf_counter(), _others(), []
        for _ in range(0, ROWS, STEP):
            journal.watch(make(houses), lost=0)
            pauses += _wait(lambda: journal.backlog < MOST_ROWS // 4)
        journal.stop()
        seconds, used = time.perf_counter() - began, _others() - cpu
        size = Path(str(engine.url.database)).stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ROWS / seconds, used / ROWS * 1e6, size / ROWS, _longest(pauses), peak


def _idle() -> float:
    """The longest pause while nothing is written: the machine's own."""
    end = time.perf_counter() + IDLE_SECONDS
    return _longest(_wait(lambda: time.perf_counter() > end))


def _longest(pauses: list[float]) -> float:
    """Of 1,000 pauses in seconds, in milliseconds."""
    return float(np.quantile(pauses or [0], 0.999)) * 1e3


def _wait(done: Callable[[], bool]) -> list[float]:
    """Until it is done; how long each turn of this loop took that wants to run all the time."""
    turns = []
    while not done():
        start = time.perf_counter()
        time.sleep(0)
        turns.append(time.perf_counter() - start)
    return turns


def _others() -> float:
    """CPU seconds of all threads but this one."""
    return time.process_time() - time.thread_time()


def _journal(engine: Engine, *, promise: Promise) -> Journal:
    seen = Reference.from_dict(reference(_table()[:, :-1], _table()[:, -1], bins=10))
    ledger = Ledger(engine, Packer(seen, version=VERSION), Replica(fresh(), VERSION, datetime.now(UTC)))
    return Journal(ledger, promise=promise, metrics=Metrics(), now=lambda: datetime.now(UTC))


def _table() -> Array:
    return bundled().to_numpy(dtype=np.float64)


@contextmanager
def _database() -> Iterator[Engine]:
    with TemporaryDirectory() as folder:
        engine = open_database(Settings(data_dir=Path(folder)))
        migrate(engine)
        yield engine
        engine.dispose()


if __name__ == "__main__":
    main()
