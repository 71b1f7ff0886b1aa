"""What shared quotas cost: prices while the process counts the calls, while Redis does, and while Redis hangs.

One core serves, the other calls: 16 callers at their fastest, and one who waits for each answer. Redis hangs by
SIGSTOP; what is measured begins when the service has seen it.

Example: python -m benchmarks.quota
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence

import httpx
import orjson

from benchmarks.servers import Server, casa, free_port, running
from benchmarks.table import machine, show
from casa.house import HOUSE

SECONDS = 4
CALLERS = (16, 1)
BODY = orjson.dumps(HOUSE.example)
GONE = "casa_shared_quota_available 0.0"
PATIENCE_SECONDS = 10


def main() -> None:
    """Measure, and print a table."""
    header = ("quotas", "callers", "prices a second", "p50 ms", "p99 ms", "failed")
    show(f"quotas ({machine()})", header, list(_rows()))


def _rows() -> Iterator[Sequence[object]]:
    with casa(journal="off") as server:
        yield from _prices("counted here", server)
    port = free_port()
    redis = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]
    url = f"redis://127.0.0.1:{port}/0"
    with running(redis, ports=(port,)) as process, casa(journal="off", CASA_REDIS_URL=url) as server:
        yield from _prices("counted by Redis", server)
        process.send_signal(signal.SIGSTOP)
        try:
            _await_breaker(server)
            yield from _prices("Redis hangs", server)
        finally:
            process.send_signal(signal.SIGCONT)


def _prices(name: str, server: Server) -> Iterator[Sequence[object]]:
    for callers in CALLERS:
        server.post("/predict", BODY, seconds=1, connections=callers)  # a warm-up
        load = server.post("/predict", BODY, seconds=SECONDS, connections=callers)
        yield name, callers, load.per_second, load.p50_ms, load.p99_ms, load.failed


def _await_breaker(server: Server) -> None:
    """Ask until the service counts for itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=f"http://127.0.0.1:{server.http}", headers={"X-API-Key": server.key}) as client:
        while time.monotonic() < deadline:
            client.post("/predict", content=BODY, headers={"Content-Type": "application/json"}).raise_for_status()
            if GONE in client.get("/metrics").text:
                return
    raise SystemExit("the service has not seen that Redis hangs")


if __name__ == "__main__":
    main()
