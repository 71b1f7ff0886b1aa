"""The journal: every priced house, written by a thread of its own so that no call waits for a disk.

Its promise is the operator's choice. `buffered`: what is answered is on disk within half a second. `durable`: what is
answered is on disk. `off`: no house is kept. Calls are counted by the hour whatever the promise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from threading import Event, Lock, Thread
from typing import NamedTuple

import structlog

from casa.errors import CasaError, Unavailable
from casa.monitoring.answers import Answered
from casa.monitoring.hours import Hours
from casa.monitoring.ledger import Batch, Ledger
from casa.monitoring.metrics import Metrics
from casa.settings import Promise

SECONDS = 0.2
"""Between two batches. With the hundredth of one until a call is passed on, it is on disk within half a second."""
COUNTS_SECONDS = 5.0
"""The same where no row waits for it, only the hour's counts: each batch takes the processor from the calls."""
BROKEN_SECONDS = 1.0
"""Until the next attempt, while the database cannot be written."""
KEEP_SECONDS = 5.0
"""How long a `durable` answer waits for its row."""
STOP_SECONDS = 5.0
REMOVAL = timedelta(minutes=1)
BATCH_ROWS = 10_000
MORE_BATCHES = 2
"""The one at hand, which may be small, and what is over."""
WHOLE_ROWS = 50_000
"""Up to so many waiting rows, every call is kept; beyond, one of `SAMPLE` until `MOST_ROWS`: about 50 MB."""
MOST_ROWS = 80_000
SAMPLE = 10

LATE = "the journal cannot be written, and no price is told that is not kept"


class Waiting(NamedTuple):
    """A call to be written, and who waits for it."""

    answered: Answered
    kept: asyncio.Future[None] | None


class Journal:
    """Takes finished calls and writes them, in order. What cannot be written yet waits, up to a bound."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        promise: Promise,
        metrics: Metrics,
        now: Callable[[], datetime],
        days: int = 30,
        whole_rows: int = WHOLE_ROWS,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._ledger = ledger
        self._promise = promise
        self._pause = SECONDS if promise == "buffered" else COUNTS_SECONDS  # `keep` wakes the thread
        self._metrics = metrics
        self._now = now
        self._days = timedelta(days=days)
        self._removal = now()  # when old rows are looked for
        self._whole_rows, self._most_rows = whole_rows, most_rows
        self._hours = Hours()
        self._lock = Lock()
        self._waiting: deque[Waiting] = deque()
        self._rows = 0  # in the queue and in the batch at hand
        self._turns = count()
        self._numbers = count(1)
        self._batch: Batch | None = None
        self._kept: list[asyncio.Future[None]] = []
        self._known = False  # does the database know of this start?
        self._broken = False
        self._wake, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, name="casa-journal", daemon=True)
        metrics.journal_backlog.set_function(lambda: self._rows)

    @property
    def backlog(self) -> int:
        """How many rows are not on disk yet."""
        return self._rows

    @property
    def durable(self) -> bool:
        """Must an answer wait for `keep`?"""
        return self._promise == "durable"

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:  # noqa: ARG002 - what is lost is counted elsewhere
        """Count finished calls, and take those with a price."""
        self._hours.add(answered)
        if self._promise == "buffered":
            with self._lock:
                for one in answered:
                    if one.priced.rows:
                        self._take(one)

    async def keep(self, answered: Answered) -> None:
        """Return once a call is on disk; Unavailable if it cannot be written in time, or too much waits already."""
        kept = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._overflows(answered, self._most_rows):
                raise Unavailable(LATE)
            self._waiting.append(Waiting(answered, kept))
            self._rows += answered.priced.rows
        self._wake.set()
        try:
            await asyncio.wait_for(kept, KEEP_SECONDS)
        except TimeoutError as error:
            raise Unavailable(LATE) from error

    def start(self) -> None:
        """Begin to write: at once, for the database is to know of this start."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Write what waits and end; a database that hangs is left behind."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        if self._rows:
            structlog.get_logger().error("journal ended before all was written", rows=self._rows)

    def write(self) -> bool:
        """Write all that waits by now; False if it must be tried again."""
        batches = self._rows // BATCH_ROWS + MORE_BATCHES  # what comes meanwhile must not keep it here for ever
        while batches and (batch := self._next()):
            batches -= 1
            try:
                self._ledger.write(batch, now=self._now())
            except CasaError as error:
                self._say_broken(error)
                if self.durable:
                    self._finish(batch, error)
                return False
            except Exception as error:  # noqa: BLE001 - a bug of ours: these rows cannot be written, others can
                self._say_broken(error)
                self._finish(batch, error)
                return False
            self._say_whole()
            self._known = True
            self._finish(batch, None)
        return True

    def remove(self) -> bool:
        """Remove some predictions that are too old, once a minute or while there are more; False if it went wrong."""
        now = self._now()
        if now < self._removal:
            return True
        try:
            more = self._ledger.remove(before=now - self._days)
        except Exception as error:  # noqa: BLE001 - a thread that died of it would write no more
            self._say_broken(error)
            return False
        self._removal = now if more else now + REMOVAL
        return True

    def _run(self) -> None:
        whole, last = True, False
        while not last:
            if not whole:
                self._stop.wait(BROKEN_SECONDS)
            elif self._rows < BATCH_ROWS:
                self._wake.wait(self._pause)
            self._wake.clear()
            last = self._stop.is_set()  # before it writes, so that nothing is left
            whole = self.write() and self.remove()
        self._ledger.close()

    def _take(self, one: Answered) -> None:
        rows = one.priced.rows
        if self._overflows(one, self._most_rows):
            self._metrics.journal_rows["lost"].inc(rows)
        elif self._overflows(one, self._whole_rows) and next(self._turns) % SAMPLE:
            self._metrics.journal_rows["left out"].inc(rows)
        else:
            self._waiting.append(Waiting(one, None))
            self._rows += rows

    def _overflows(self, one: Answered, bound: int) -> bool:
        """Would more rows wait than that? Where none do, there is room for a call of any size."""
        return bool(self._rows) and self._rows + one.priced.rows > bound

    def _next(self) -> Batch | None:
        """The batch at hand: the one that could not be written, or a new one; None if there is nothing to write."""
        if self._batch is None:
            answered = self._gather()
            hours = self._hours.take_down()
            if self._known and not answered and not hours:
                return None
            totals = {"predictions": self._hours.predictions, "requests": self._hours.requests}
            self._batch = Batch(next(self._numbers), answered, hours, totals)
        return self._batch

    def _gather(self) -> list[Answered]:
        answered, rows = [], 0
        with self._lock:
            while self._waiting and rows < BATCH_ROWS:
                one, kept = self._waiting.popleft()
                answered.append(one)
                rows += one.priced.rows
                if kept is not None:
                    self._kept.append(kept)
        return answered

    def _finish(self, batch: Batch, error: Exception | None) -> None:
        """Forget a batch, and tell those who wait for it."""
        rows = sum(one.priced.rows for one in batch.answered)
        with self._lock:
            self._rows -= rows
        self._metrics.journal_rows["written" if error is None else "lost"].inc(rows)
        self._hours.settle(written=error is None)
        waited, self._kept, self._batch = self._kept, [], None
        if waited:
            waited[0].get_loop().call_soon_threadsafe(_tell, waited, error)

    def _say_broken(self, error: Exception) -> None:
        self._metrics.journal_broken.set(1)
        if not self._broken:
            unexpected = not isinstance(error, CasaError)
            structlog.get_logger().error("journal cannot be written", reason=str(error), exc_info=unexpected)
        self._broken = True

    def _say_whole(self) -> None:
        self._metrics.journal_broken.set(0)
        if self._broken:
            structlog.get_logger().info("journal is written again")
        self._broken = False


def _tell(waited: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for kept in waited:
        if kept.done():
            continue  # its caller is gone, or has waited too long
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(Unavailable(LATE))
