"""How fast the service is with every guard switched on, beside servers that do nothing, XGBoost itself and KServe.

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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import orjson
from rich.progress import track

from benchmarks import servers
from benchmarks.load import Load, ghz, missing, wrk
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
HEADER = ("", "a second", "reference", "share", "p50 ms", "p99 ms", "failed")
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
    folder = open_store().find()
    saved = bundle.load(folder)
    with ExitStack() as stack:
        nothing = stack.enter_context(servers.nothing())
        casa = stack.enter_context(servers.casa())
        peer = stack.enter_context(servers.kserve(folder)) if options.kserve else None
        found = _rounds([*_casa_cases(casa, nothing, saved, options.seconds), *_peer_cases(peer, options.seconds)])
        rows = [*_table(found)]
        memory = [*_memory(casa)] if options.memory else []
    title = f"serving ({machine()})"
    show(title, HEADER, rows)
    show("memory of the worker, MiB (proportional set size)", ("after", "MiB", "ratio"), memory)
    if options.write:
        publish("serving", f"python -m benchmarks.serving {' '.join(argv)}", HEADER, [*rows, *memory])


def _casa_cases(casa: servers.Casa, nothing: tuple[int, int], saved: Bundle, seconds: int) -> list[Case]:
    one, key = orjson.dumps(HOUSE.example), {"X_API_Key": casa.key}
    houses = random_houses(ROWS)
    lower = {name.lower(): value for name, value in HOUSE.example.items()}
    tensor = {"name": "houses", "datatype": "FP64", "shape": [1, len(HOUSE.names)]}
    infer = {"model_name": "casa", "inputs": [{**tensor, "contents": {"fp64_contents": list(HOUSE.example.values())}}]}
    ours, idle, proto = f"127.0.0.1:{casa.grpc}", f"127.0.0.1:{nothing[1]}", PROTOS / "casa.proto"
    call, ask = "casa.v1.Casa.Predict", "inference.GRPCInferenceService.ModelInfer"

    def post(path: str, body: bytes, **options: str) -> Load:
        few = 16 if len(body) < ROWS else 2
        return wrk(casa.url + path, body, seconds=seconds, connections=few, **key, **options)

    return [
        Case("do-nothing ASGI on uvicorn", lambda: wrk(f"http://127.0.0.1:{nothing[0]}/", one, seconds=seconds)),
        Case("POST /predict", lambda: post("/predict", one), "do-nothing ASGI on uvicorn"),
        Case("pred_contribs, one row", lambda: _alone(saved, houses[:1], contributions=True)),
        Case("POST /explain", lambda: post("/explain", one), "pred_contribs, one row"),
        Case("inplace_predict, rows", lambda: _alone(saved, houses), times=ROWS),
        Case("batch of 1,000, binary tensor, rows", lambda: _binary(post, houses), "inplace_predict, rows", ROWS),
        Case("batch of 1,000, JSON objects, rows", lambda: _objects(post, houses), "inplace_predict, rows", ROWS),
        Case("do-nothing grpc.aio", lambda: ghz(idle, call, lower, seconds=seconds, proto=proto, x_api_key=casa.key)),
        Case(
            "gRPC Predict",
            lambda: ghz(ours, call, lower, seconds=seconds, proto=proto, x_api_key=casa.key),
            "do-nothing grpc.aio",
        ),
        Case(
            "gRPC ModelInfer",
            lambda: ghz(ours, ask, infer, seconds=seconds, proto=PROTOS / "open_inference.proto", x_api_key=casa.key),
            "do-nothing grpc.aio",
        ),
    ]


def _peer_cases(ports: tuple[int, int] | None, seconds: int) -> list[Case]:
    if ports is None:
        return []
    url = f"http://127.0.0.1:{ports[0]}/v1/models/casa:predict"
    one, many = (orjson.dumps({"instances": [HOUSE.example] * rows}) for rows in (1, ROWS))
    return [
        Case("KServe, one row", lambda: wrk(url, one, seconds=seconds), "POST /predict"),
        Case(
            "KServe, batch of 1,000, JSON objects, rows",
            lambda: wrk(url, many, seconds=seconds, connections=2),
            "batch of 1,000, JSON objects, rows",
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


def _objects(post: Callable[..., Load], houses: Array) -> Load:
    rows = [dict(zip(HOUSE.names, house, strict=True)) for house in houses.tolist()]
    return post("/predict/batch", orjson.dumps({"instances": rows}))


def _binary(post: Callable[..., Load], houses: Array) -> Load:
    tensor = {"name": "houses", "datatype": "FP64", "shape": list(houses.shape), "parameters": BINARY}
    head = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    return post("/v2/models/casa/infer", head + houses.tobytes(), Inference_Header_Content_Length=str(len(head)))


def _alone(saved: Bundle, houses: Array, *, contributions: bool = False) -> Load:
    """XGBoost's own predictor, one thread, on the served core, with rows that are ready for it."""
    import xgboost as xgb

    rows = saved.preprocessor.transform(houses)
    boosters = [xgb.Booster({"nthread": 1}, model_file=bytearray(one)) for one in saved.boosters]
    matrix, members = xgb.DMatrix(rows, nthread=1), boosters[: len(saved.ensemble.members)]
    with _pinned():
        start, calls = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < 1:
            for booster in members if contributions else boosters:
                if contributions:
                    booster.predict(matrix, pred_contribs=True)
                else:
                    booster.inplace_predict(rows, predict_type="margin")
            calls += 1
    return Load(calls / spent, 0.0, 0.0, 0)


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
    speeds = {case.name: median(load.per_second for load in loads) * case.times for case, loads in found.items()}
    for case, loads in found.items():
        share = f"{speeds[case.name] / speeds[case.reference]:.1%}" if case.reference else ""
        p50, p99 = (median(getattr(load, name) for load in loads) for name in ("p50_ms", "p99_ms"))
        told = (f"{p50:.2f}", f"{p99:.2f}") if p50 else ("", "")
        failed = sum(load.failed for load in loads)
        yield case.name, f"{speeds[case.name]:,.0f}", case.reference, share, *told, failed


def _memory(casa: servers.Casa) -> Iterator[tuple[object, ...]]:
    """Is memory as large after a million calls as after the first hundred thousand?"""
    done, sizes = 0, []
    for calls in (SOME, MANY):
        while done < calls:
            load = wrk(f"{casa.url}/predict", orjson.dumps(HOUSE.example), seconds=10, X_API_Key=casa.key)
            done += round(load.per_second * 10)
        sizes.append(casa.worker.memory_full_info().pss / 2**20)
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
