"""Load from one core against a server on the other: wrk for HTTP, ghz for gRPC. Bounded, and to this machine only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SERVER, CALLER = ("taskset", "-c", "0"), ("taskset", "-c", "1")
WRK = """
wrk.method, wrk.body = "POST", io.open(os.getenv("BODY"), "rb"):read("*a")
for line in io.lines(os.getenv("HEAD")) do
  local name, value = line:match("^(.-): (.*)$")
  wrk.headers[name] = value
end
done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.stderr:write(string.format("[%d, %d, %d, %d, %d]", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
"""


class Load(NamedTuple):
    """What one round of calls gave."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_us: float = 0.0
    """The server's CPU time, in µs a call: it says more than the clock while other work runs."""


def missing() -> list[str]:
    """The programs that are not here, with how to get them."""
    packages = {"wrk": "apt install wrk", "taskset": "apt install util-linux", "ghz": "go install its module"}
    return [f"{program} ({how})" for program, how in packages.items() if not shutil.which(program)]


def wrk(url: str, body: bytes, *, seconds: int, connections: int = 16, **headers: str) -> Load:
    """POST a body as often as the server answers."""
    fields = {"Content-Type": "application/json", **{name.replace("_", "-"): v for name, v in headers.items()}}
    with tempfile.TemporaryDirectory() as place:
        script, content, head = (Path(place) / name for name in ("script.lua", "body", "head"))
        script.write_text(WRK)
        content.write_bytes(body)
        head.write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
        command = [*CALLER, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
        environment = {**os.environ, "BODY": str(content), "HEAD": str(head)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    calls, microseconds, failed, p50, p99 = json.loads(done.stderr)
    return Load(calls / microseconds * 1e6, p50 / 1e3, p99 / 1e3, failed)


def ghz(address: str, method: str, message: object, *, seconds: int, proto: Path, **metadata: str) -> Load:
    """Call a unary method with 16 calls in flight."""
    with tempfile.TemporaryDirectory() as place:
        # ghz's own parser does not know `optional`.
        descriptors = Path(place) / "set"
        compile_ = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{proto.parent}",
            f"--descriptor_set_out={descriptors}",
        ]
        subprocess.run([*compile_, str(proto)], check=True)
        call = ["--insecure", "--protoset", str(descriptors), "--call", method, "--data", json.dumps(message)]
        return _ghz(
            [*call, "--metadata", json.dumps({n.replace("_", "-"): v for n, v in metadata.items()}), address], seconds
        )


def _ghz(words: Sequence[str], seconds: int) -> Load:
    pace = ["--concurrency", "16", "--duration", f"{seconds}s", "--duration-stop", "wait", "--format", "json"]
    command = [*CALLER, "ghz", *pace, *words]
    environment = {**os.environ, "GOMAXPROCS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    quantiles = {entry["percentage"]: entry["latency"] / 1e6 for entry in told["latencyDistribution"] or []}
    failed = sum((told["errorDistribution"] or {}).values())
    return Load(told["rps"], quantiles.get(50, 0.0), quantiles.get(99, 0.0), failed)
