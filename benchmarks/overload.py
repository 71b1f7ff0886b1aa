"""What three times more callers than are served in time leave of the answers that are given otherwise.

Batches of 400 houses over HTTP; the callers are impatient, and ask again as soon as they are answered. One core
serves, the other calls.

Example: python -m benchmarks.overload
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import orjson

from benchmarks.crowd import Ask, Tally, crowd
from benchmarks.servers import Server, casa
from benchmarks.table import machine, show
from casa.house import HOUSE

ROWS = 400
SECONDS = 4.0
QUEUE_SECONDS = 0.5
FEW, TIMES = 4, 3
BODY = orjson.dumps({"instances": [HOUSE.example] * ROWS})


def main() -> None:
    """Measure, and print a table."""
    os.sched_setaffinity(0, {1})
    os.environ["CASA_QUEUE_SECONDS"] = str(QUEUE_SECONDS)
    with casa(journal="off") as server:
        found = list(_ramp(_ask(server)))
    best = max(tally.outcomes[200] for _, tally in found)
    rows = [_row(callers, tally, best) for callers, tally in found]
    show(f"overload ({machine()})", ("callers", "200 a second", "of the best", "503 a second", "slowest, s"), rows)


def _ramp(ask: Ask) -> Iterator[tuple[int, Tally]]:
    """A few callers, about as many as are served in time, and three times that."""
    calm = crowd(ask, callers=FEW, seconds=SECONDS)
    yield FEW, calm
    fit = max(FEW, round(calm.outcomes[200] / SECONDS * QUEUE_SECONDS))
    for callers in (fit // 2, fit, TIMES * fit):
        yield callers, crowd(ask, callers=callers, seconds=SECONDS)


def _row(callers: int, tally: Tally, best: int) -> Sequence[object]:
    good, refused = tally.outcomes[200], tally.outcomes[503]
    return f"{callers}", good / SECONDS, f"{good / best:.0%}", refused / SECONDS, max(tally.seconds)


def _ask(server: Server) -> Ask:
    head = (
        f"POST /predict/batch HTTP/1.1\r\nHost: casa\r\nX-API-Key: {server.key}\r\nContent-Type: application/json\r\n"
    )
    return Ask(server.http, head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


if __name__ == "__main__":
    main()
