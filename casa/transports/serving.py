"""A model at work: what every call needs, made once when the service object is made."""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import orjson

from casa.access.gate import Gate
from casa.errors import CasaError, InvalidBundle, Unavailable
from casa.house import HOUSE
from casa.model import bundle
from casa.monitoring.answers import Answers, Watcher
from casa.monitoring.gauges import Gauges
from casa.monitoring.metrics import Metrics
from casa.monitoring.outlook import Outlook
from casa.monitoring.priced import NOTHING
from casa.monitoring.reference import Reference
from casa.sale import Sale
from casa.settings import Settings
from casa.transports import parse
from casa.transports.asker import Asker
from casa.transports.batch import read
from casa.transports.batcher import Batcher, LongBatcher
from casa.transports.desk import Content, Desk
from casa.transports.inference import Inference
from casa.transports.turns import Turns
from casa.transports.visit import Visit

if TYPE_CHECKING:
    from casa.model.bundle import Bundle
    from casa.model.pricer import Pricer
    from casa.monitoring.opening import Records

TOLERANCE = 1e-3
"""How far a golden price may be off: other processors take logarithms a little differently."""
WARM_ROWS = 256
"""Enough for the engine of large batches."""
WARM_CALLS = 8
"""Single houses that come in together."""
DRAIN_SECONDS = 5
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the others from running: Python's own 5 ms would be the latency of calls."""
UNNEEDED = ("pandas", "pyarrow", "sklearn")
"""XGBoost imports them where they are installed: most of the seconds and half of the memory of a start."""


class Serving:
    """One model, warmed, and the state of the process that serves it."""

    def __init__(
        self,
        settings: Settings,
        pricer: Pricer,
        *,
        gate: Gate,
        metrics: Metrics,
        records: Records | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.bundle = pricer.bundle
        self.pricer = pricer
        self.desk = Desk(pricer)
        self.batcher = Batcher(self.desk.price_each)
        self.inference = Inference(pricer, max_rows=settings.max_rows)
        self.turns = Turns(most_seconds=settings.queue_seconds)
        self.explanations = LongBatcher(self.desk.explain_each, self.turns)
        self.gate = gate
        self.metrics = metrics
        metrics.long_calls.set_function(lambda: self.turns.backlog.calls)
        self.answers = Answers()
        """Every finished call, for those who watch."""
        self._records = records
        self.outlook = Outlook(Reference.from_dict(self.bundle.document(bundle.REFERENCE)))
        report = self.bundle.document(bundle.METRICS)
        metrics.registry.register(Gauges(self.outlook, version=self.bundle.version, report=report))
        self.watchers: list[Watcher] = [metrics, self.outlook, *([records.journal] if records else [])]
        self.traced = False
        """Does anybody want traces? If not, callers' `traceparent` is not looked at."""
        self.draining = False
        """Set before the process is stopped: readiness fails, and connections are closed after their answer."""
        self._clock = clock
        self._start = clock()

    @property
    def uptime_seconds(self) -> float:
        """How long this model has been served."""
        return round(self._clock() - self._start, 3)

    async def keep_sale(self, sale: Sale, asker: Asker) -> Content:
        """Keep what a house sold for, and answer in the shape of `Sold`.

        NotFound if the caller was told no such price.
        """
        try:
            replaced = await self.records.feedback.give(sale, asker.client)
        except CasaError as error:
            asker.error = error
            raise
        return {**sale.model_dump(), "replaced": replaced}

    @property
    def records(self) -> Records:
        """What is kept of the answers; Unavailable where nothing is."""
        if self._records is None:
            raise Unavailable("this instance keeps nothing")
        return self._records

    def pass_on(self) -> None:
        """Tell those who watch of all calls that have finished since the last time."""
        self.answers.pass_on(self.watchers)

    async def keep(self, asker: Asker) -> None:
        """Return as soon as the caller may be told: with a `durable` journal, once its prices are on disk.

        Unavailable if they cannot be written.
        """
        if self._records is None or not self._records.journal.durable or not asker.priced.rows:
            return
        try:
            await self._records.journal.keep(asker.answered("", ""))
        except CasaError:
            asker.priced = NOTHING
            raise

    def check_ready(self) -> None:
        """Unavailable while new callers should go elsewhere."""
        if self.draining:
            raise Unavailable("this instance is about to stop", retry_after=DRAIN_SECONDS)


def open_serving(
    settings: Settings, saved: Bundle, *, gate: Gate, metrics: Metrics, records: Records | None = None
) -> Serving:
    """A warmed `Serving`; InvalidBundle if the model does not give its own golden prices again."""
    from casa.model.pricer import Pricer

    pricer = Pricer(saved)
    check_golden(pricer)
    serving = Serving(settings, pricer, gate=gate, metrics=metrics, records=records)
    warm(serving.desk)
    return serving


def complete(serving: Serving) -> None:
    """Load and warm what large batches and explanations need: a third of a start, done while prices are answered.

    InvalidBundle if that gives other prices.
    """
    with hidden(*UNNEEDED):
        serving.pricer.load()
    check_golden(serving.pricer, least_rows=WARM_ROWS)
    visit, rows = Visit(""), orjson.dumps({parse.ENVELOPE: [HOUSE.example] * WARM_ROWS})
    orjson.dumps(serving.desk.prices(read(rows), visit))
    orjson.dumps(serving.desk.explain_each([parse.house(orjson.dumps(HOUSE.example))], [visit]))


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Let imports of packages fail that are not imported yet, as if they were not installed."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python marks them
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def check_golden(pricer: Pricer, *, least_rows: int = 1) -> None:
    """InvalidBundle unless the golden houses, repeated to so many, cost what they did when the model was made."""
    golden = pricer.bundle.document(bundle.GOLDEN)
    houses = np.array([[one["house"].get(name, math.nan) for name in HOUSE.names] for one in golden])
    expected = np.array([one["price"] for one in golden])
    times = -(-least_rows // len(golden))
    found = pricer.price(np.tile(houses, (times, 1))).price
    if not np.allclose(found, np.tile(expected, times), rtol=0, atol=TOLERANCE):
        raise InvalidBundle(f"model {pricer.bundle.version} gives other prices here than where it was made")


def warm(desk: Desk) -> None:
    """Price what the first callers will ask for, so that they do not wait for what is done once."""
    visit, values = Visit(""), parse.house(orjson.dumps(HOUSE.example))
    orjson.dumps(desk.price(values, visit))
    orjson.dumps(desk.price_each([values] * WARM_CALLS, [visit] * WARM_CALLS))


def settle() -> None:
    """Take what is loaded out of the garbage collector's rounds, and let threads of ours stop no call for long."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # without a round before: of what a start leaves behind, little can be freed
    gc.enable()
    gc.set_threshold(100_000, 50, 1000)
