"""Three times more callers than are served in time: no fewer are served, and the others are told to come later."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import orjson
import pytest

from benchmarks.crowd import Ask, Tally, crowd, probe
from tests.service.server import Server, serve
from tests.transports.caller import EXAMPLE

QUEUE_SECONDS = 0.5
ROWS = 400
SECONDS = 3.0
PROBES = ("/livez", "/readyz", "/health", "/metrics")


@pytest.fixture(scope="module")
def server(store_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Path(copytree(store_home, tmp_path_factory.mktemp("overload") / "home"))
    with serve(".", home=home, CASA_QUEUE_SECONDS=str(QUEUE_SECONDS)) as server:
        yield server


def asking(server: Server, path: str, content: object) -> Ask:
    body = orjson.dumps(content)
    head = f"POST {path} HTTP/1.1\r\nHost: casa\r\nX-API-Key: {server.key}\r\nContent-Type: application/json\r\n"
    return Ask(server.port, head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


def ramp(ask: Ask) -> Iterator[Tally]:
    """A few callers, as many as are served in time, and three times that."""
    calm = crowd(ask, callers=4, seconds=SECONDS)
    yield calm
    fit = max(4, round(calm.outcomes[200] / SECONDS * QUEUE_SECONDS))
    for callers in (fit // 2, 3 * fit):
        yield crowd(ask, callers=callers, seconds=SECONDS)


def goodput(tally: Tally) -> float:
    return tally.outcomes[200] / SECONDS


def test_three_times_more_batches_than_fit_cost_little_of_the_rest(server: Server) -> None:
    calm, full, over = ramp(asking(server, "/predict/batch", {"instances": [EXAMPLE] * ROWS}))
    assert set(calm.outcomes) == {200}
    assert set(over.outcomes) == {200, 503}
    assert goodput(over) > 0.6 * max(goodput(calm), goodput(full))  # 0.8 and more on a machine of its own
    assert max(over.seconds) < 10 * QUEUE_SECONDS


def test_hundreds_of_callers_get_as_many_single_prices_as_a_few(server: Server) -> None:
    ask = asking(server, "/predict", EXAMPLE)
    few, many = (crowd(ask, callers=callers, seconds=SECONDS) for callers in (16, 800))
    assert set(many.outcomes) == {200}
    assert goodput(many) > 0.5 * goodput(few)
    assert max(many.seconds) < 2.0


def test_probes_and_single_prices_are_answered_meanwhile(server: Server) -> None:
    batches = asking(server, "/predict/batch", {"instances": [EXAMPLE] * ROWS})
    asks = [*(probe(server.port, path) for path in PROBES), asking(server, "/predict", EXAMPLE)]
    with ThreadPoolExecutor() as threads:
        over = threads.submit(crowd, batches, callers=200, seconds=SECONDS)
        tallies = list(threads.map(lambda ask: crowd(ask, callers=1, seconds=SECONDS), asks))
        assert over.result().outcomes[503]
    assert all(set(tally.outcomes) == {200} for tally in tallies)
    assert max(max(tally.seconds) for tally in tallies) < 1.0
