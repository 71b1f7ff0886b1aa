"""Is this revision slower than another? Both serve the same model at the same time, and are called in turn.

Both run with the packages that are installed here: what is compared is Casa's own code. Each round of this revision is
set against the round of the other beside it; the median of these ratios counts, so that a noisy machine fools neither.

Example: python -m benchmarks.compare main --seconds 3
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import orjson

from benchmarks import servers
from benchmarks.load import Load, missing
from benchmarks.servers import PROJECT, Server
from benchmarks.serving import objects, random_houses
from benchmarks.table import machine, show
from casa.house import HOUSE

ROUNDS = 7
LOSS = 0.15
"""What a revision may lose of any case's speed before it is refused."""
HEADER = ("", "base, a second", "head, a second", "ratio", "failed")


class Pair(NamedTuple):
    """One round of a case: the base and, right after it, the head."""

    base: Load
    head: Load

    def ratio(self) -> float:
        """How fast the head is, the base being one."""
        return self.head.per_second / self.base.per_second


def main(argv: Sequence[str] = ()) -> None:
    """Measure, print one table, and exit with the cases that are too slow."""
    options = _options(argv)
    if absent := [one for one in missing() if not one.startswith("ghz")]:
        raise SystemExit(f"missing: {', '.join(absent)}")
    with ExitStack() as stack:
        older = stack.enter_context(checkout(options.base))
        base = stack.enter_context(servers.casa(journal="buffered", project=older))
        head = stack.enter_context(servers.casa(journal="buffered"))
        found = {name: _pairs(call, base, head, options.seconds) for name, call in _cases().items()}
    show(f"this revision beside {options.base} ({machine()})", HEADER, _rows(found))
    if slow := lost(found, loss=options.loss):
        raise SystemExit(f"slower than {options.base}: {', '.join(slow)}")


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Another revision's files, in a worktree of their own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "base"
        git = ["git", "-C", str(PROJECT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def lost(found: dict[str, list[Pair]], *, loss: float) -> list[str]:
    """The cases whose speed fell by more than the share that may be lost, or whose calls failed, each with how much."""
    slow = []
    for name, pairs in found.items():
        ratio, failed = median(pair.ratio() for pair in pairs), sum(pair.head.failed for pair in pairs)
        if ratio < 1 - loss or failed:
            slow.append(f"{name} ({ratio:.0%} of the speed, {failed} calls failed)")
    return slow


Call = Callable[[Server, int], Load]


def _cases() -> dict[str, Call]:
    one, many = orjson.dumps(HOUSE.example), objects(random_houses(1_000))
    return {
        "POST /predict": lambda server, seconds: server.post("/predict", one, seconds=seconds),
        "POST /explain": lambda server, seconds: server.post("/explain", one, seconds=seconds),
        "batch of 1,000": lambda server, seconds: server.post("/predict/batch", many, seconds=seconds, connections=2),
    }


def _pairs(call: Call, base: Server, head: Server, seconds: int) -> list[Pair]:
    """The rounds after a first one, which warms both up; who begins takes turns."""
    pairs = []
    for turn in range(ROUNDS + 1):
        if turn % 2:
            newer = call(head, seconds)
            pairs.append(Pair(call(base, seconds), newer))
        else:
            older = call(base, seconds)
            pairs.append(Pair(older, call(head, seconds)))
    return pairs[1:]


def _rows(found: dict[str, list[Pair]]) -> Iterator[tuple[object, ...]]:
    for name, pairs in found.items():
        base, head = (median(load.per_second for load in side) for side in zip(*pairs, strict=True))
        ratio, failed = median(pair.ratio() for pair in pairs), sum(pair.head.failed for pair in pairs)
        yield name, f"{base:,.0f}", f"{head:,.0f}", f"{ratio:.1%}", failed


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.compare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("base", help="the revision to compare with")
    parser.add_argument("--seconds", type=int, default=3, help="of each round of a case (default 3)")
    parser.add_argument("--loss", type=float, default=LOSS, help=f"share that may be lost (default {LOSS})")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
