"""How fast the service is with every guard switched on, beside servers that do nothing, XGBoost itself and KServe.

The journal is off but where a line says that it is on: it is the one part that an operator may do without.

One core serves, the other calls; after a warm-up, rounds in turn, medians. Every figure is a ratio to a reference of
the same run.

Example: python -m benchmarks.serving --kserve --write
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import orjson
from rich.progress import track

from benchmarks import servers
from benchmarks.load import Load, missing
from benchmarks.servers import Server
from benchmarks.table import machine, publish, show
from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.store import open_store

ROUNDS = 3
ROWS = 1_000
SOME, MANY = 100_000, 1_000_000
"""Calls after which memory is compared."""
PROTOS = servers.PROJECT / "casa" / "transports" / "protos"
HEADER = ("", "a second", "reference", "share", "p50 ms", "p99 ms", "failed", "CPU µs a call", "CPU share")
MEMORY_HEADER = ("memory of the worker after", "MiB (PSS)", "ratio")
PREDICT, OBJECTS = "POST /predict", "batch of 1,000, JSON objects, rows"
BINARY_ROWS = "batch of 1,000, binary tensor, rows"
IDLE = "do-nothing ASGI on uvicorn"
NOTHING, ALONE = "do-nothing grpc.aio", "inplace_predict, rows"
INFER = "/v2/models/casa/infer"
BINARY = {"binary_data_size": ROWS * len(HOUSE.names) * 8}


class Case(NamedTuple):
    """Something measured, and the reference it is a share of."""

    name: str
    measure: Callable[[], Load]
    reference: str = ""
    times: int = 1
    """Rows of one call."""


def main(argv: Sequence[str] = ()) -> None:
    """Measure, and print one table; exits if a program is missing."""
    options = _options(argv)
    if absent := missing():
        raise SystemExit(f"missing: {', '.join(absent)}")
    os.sched_setaffinity(0, {1})  # the progress bar must not take the servers' time
    folder = open_store().find()
    saved = bundle.load(folder)
    # One Casa at a time on its core: an idle server, too, takes caches from those that are measured.
    with servers.nothing() as (asgi, rpc), servers.casa(journal="off") as casa:
        found = _rounds([*_http_cases(casa, asgi, saved, options.seconds), *_grpc_cases(casa, rpc, options.seconds)])
    with servers.casa(journal="buffered") as whole:
        found |= _rounds(_journaled(whole, options.seconds))
        memory = [*_memory(whole)] if options.memory else []
    if options.kserve:
        with servers.kserve(folder) as peer:
            found |= _rounds(_peer_cases(peer, options.seconds))
    rows = [*_table(found)]
    title = f"serving ({machine()})"
    show(title, HEADER, rows)
    if memory:
        show("memory of the worker", MEMORY_HEADER, memory)
    if options.write:
        command = f"python -m benchmarks.serving {' '.join(argv)}"
        publish("serving", command, HEADER, rows)
        if memory:
            publish("memory", command, MEMORY_HEADER, memory)


def _http_cases(casa: Server, idle: Server, saved: Bundle, seconds: int) -> list[Case]:
    one, houses = orjson.dumps(HOUSE.example), random_houses(ROWS)
    many, (binary, length) = objects(houses), _tensor(houses)
    return [
        Case(IDLE, lambda: idle.post("/", one, seconds=seconds)),
        Case(PREDICT, lambda: casa.post("/predict", one, seconds=seconds), IDLE),
        Case("pred_contribs, one row", lambda: _alone(saved, houses[:1], contributions=True)),
        Case("POST /explain", lambda: casa.post("/explain", one, seconds=seconds), "pred_contribs, one row"),
        Case(ALONE, lambda: _alone(saved, houses), times=ROWS),
        Case(
            BINARY_ROWS,
            lambda: casa.post(INFER, binary, seconds=seconds, connections=2, Inference_Header_Content_Length=length),
            ALONE,
            ROWS,
        ),
        Case(OBJECTS, lambda: casa.post("/predict/batch", many, seconds=seconds, connections=2), ALONE, ROWS),
    ]


def _grpc_cases(casa: Server, idle: Server, seconds: int) -> list[Case]:
    house = {name.lower(): value for name, value in HOUSE.example.items()}
    values = {"fp64_contents": list(HOUSE.example.values())}
    tensor = {"name": "houses", "datatype": "FP64", "shape": [1, len(values["fp64_contents"])], "contents": values}
    infer = {"model_name": "casa", "inputs": [tensor]}
    ours, theirs = PROTOS / "casa.proto", PROTOS / "open_inference.proto"
    call, ask = "casa.v1.Casa.Predict", "inference.GRPCInferenceService.ModelInfer"
    return [
        Case(NOTHING, lambda: idle.call(call, house, seconds=seconds, proto=ours)),
        Case("gRPC Predict", lambda: casa.call(call, house, seconds=seconds, proto=ours), NOTHING),
        Case("gRPC ModelInfer", lambda: casa.call(ask, infer, seconds=seconds, proto=theirs), NOTHING),
    ]


def _journaled(casa: Server, seconds: int) -> list[Case]:
    one = orjson.dumps(HOUSE.example)
    return [Case("POST /predict, journaled", lambda: casa.post("/predict", one, seconds=seconds), IDLE)]


def _peer_cases(peer: Server, seconds: int) -> list[Case]:
    one, many = orjson.dumps({"instances": [HOUSE.example]}), objects(random_houses(ROWS))
    path = "/v1/models/casa:predict"
    return [
        Case("KServe, one row", lambda: peer.post(path, one, seconds=seconds), PREDICT),
        Case(
            "KServe, batch of 1,000, JSON objects, rows",
            lambda: peer.post(path, many, seconds=seconds, connections=2),
            OBJECTS,
            ROWS,
        ),
    ]


def random_houses(count: int) -> Array:
    """Houses (n, features) within the declared ranges."""
    low, high = ([getattr(feature, end) for feature in HOUSE.features] for end in ("low", "high"))
    houses = np.random.default_rng(0).uniform(low, high, size=(count, len(low)))
    chas = HOUSE.names.index("CHAS")
    houses[:, chas] = houses[:, chas].round()
    return houses


def objects(houses: Array) -> bytes:
    """A body of `POST /predict/batch`."""
    return orjson.dumps({"instances": [dict(zip(HOUSE.names, house, strict=True)) for house in houses.tolist()]})


def _tensor(houses: Array) -> tuple[bytes, str]:
    """A body in the protocol's binary form, and the length of its head."""
    tensor = {"name": "houses", "datatype": "FP64", "shape": list(houses.shape), "parameters": BINARY}
    head = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    return head + houses.tobytes(), str(len(head))


def _alone(saved: Bundle, houses: Array, *, contributions: bool = False) -> Load:
    """XGBoost's own predictor as its user calls it, one thread, on the server's core, with rows that are ready."""
    import xgboost as xgb

    rows = saved.preprocessor.transform(houses)
    boosters = [xgb.Booster({"nthread": 1}, model_file=bytearray(one)) for one in saved.boosters]
    members = boosters[: len(saved.ensemble.members)]
    with _pinned():
        start, calls = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < 1:
            if contributions:
                matrix = xgb.DMatrix(rows, nthread=1)
                _ = [booster.predict(matrix, pred_contribs=True) for booster in members]
            else:
                _ = [booster.inplace_predict(rows, predict_type="margin") for booster in boosters]
            calls += 1
    return Load(calls / spent, 0.0, 0.0, 0, spent / calls * 1e6)


@contextmanager
def _pinned() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _rounds(cases: Sequence[Case]) -> dict[Case, list[Load]]:
    """Each case's loads, round after round in turn; the first round is the warm-up."""
    found: dict[Case, list[Load]] = {case: [] for case in cases}
    turns = [case for _ in range(ROUNDS + 1) for case in cases]
    for case in track(turns, "rounds"):
        found[case].append(case.measure())
    return {case: loads[1:] for case, loads in found.items()}


def _table(found: dict[Case, list[Load]]) -> Iterator[tuple[object, ...]]:
    medians = {
        case.name: Load(*(median(values) for values in zip(*loads, strict=True))) for case, loads in found.items()
    }
    times = {case.name: case.times for case in found}
    for case, loads in found.items():
        mine, theirs = medians[case.name], medians.get(case.reference)
        share = cpu = ""
        if theirs:
            rows = case.times / times[case.reference]
            share = f"{mine.per_second / theirs.per_second * rows:.1%}"
            cpu = f"{theirs.cpu_us / mine.cpu_us * rows:.1%}"
        told = (f"{mine.p50_ms:.2f}", f"{mine.p99_ms:.2f}") if mine.p50_ms else ("", "")
        speed, failed = f"{mine.per_second * case.times:,.0f}", sum(load.failed for load in loads)
        yield case.name, speed, case.reference, share, *told, failed, f"{mine.cpu_us:,.0f}", cpu


def _memory(casa: Server) -> Iterator[tuple[object, ...]]:
    """Is memory as large after a million calls as after the first hundred thousand?"""
    done, sizes = 0, []
    for calls in (SOME, MANY):
        while done < calls:
            load = casa.post("/predict", orjson.dumps(HOUSE.example), seconds=10)
            done += round(load.per_second * 10)
        sizes.append(casa.process.memory_full_info().pss / 2**20)
        yield f"{done:,} calls", f"{sizes[-1]:.1f}", f"{sizes[-1] / sizes[0]:.3f}"


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.serving", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=int, default=5, help="of each round of a case (default 5)")
    parser.add_argument("--kserve", action="store_true", help="KServe's server beside it, in an environment of its own")
    parser.add_argument("--memory", action="store_true", help="also a million calls: is memory flat?")
    parser.add_argument("--write", action="store_true", help=f"put the table into {Path('docs/performance.md')}")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
