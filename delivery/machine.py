"""Casa on one machine, by compose.yaml: passwords are made at first, all is started, and a price is asked for.

Example: python -m delivery.machine podman-compose
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from time import monotonic

from dotenv import dotenv_values

from casa.cli.serve import Address, answers
from delivery import passwords

PROJECT = Path(__file__).parents[1]
PATIENCE_SECONDS = 300.0


def main(argv: Sequence[str]) -> None:
    """Start it by the compose program that is named; exits with a sentence if it does not get ready."""
    passwords.keep(PROJECT)
    if code := subprocess.run([*argv, "up", "--detach"], cwd=PROJECT, check=False).returncode:
        raise SystemExit(code)  # it has said why
    settings = {**dotenv_values(PROJECT / ".env"), **os.environ}
    address = Address("127.0.0.1", int(settings.get("CASA_HTTP_PORT") or 3000))
    if not _ready(address):
        raise SystemExit(f"{address.url} is not ready after {PATIENCE_SECONDS:.0f} s: `{' '.join(argv)} logs` says why")
    key = _key(argv)
    _ask(address.url, f"127.0.0.1:{settings.get('CASA_GRPC_PORT') or 3001}", key)
    print(f"Casa answers at {address.url}; `make down` ends it. Its pages:\n{address.url}/#key={key}")


def _ready(address: Address) -> bool:
    end = monotonic() + PATIENCE_SECONDS
    while not (ready := answers(address, "/readyz")) and monotonic() < end:
        Event().wait(0.5)
    return ready


def _key(compose: Sequence[str]) -> str:
    words = ["exec", "-T", "casa", "cat", "local.key"]
    return subprocess.run([*compose, *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def _ask(url: str, grpc: str, key: str) -> None:
    """A price over HTTP and gRPC, with the key."""
    words = ["ask", url, "--grpc", grpc]
    environment = {**os.environ, "CASA_API_KEY": key}
    subprocess.run([sys.executable, "-m", "casa.cli.main", *words], check=True, env=environment)


if __name__ == "__main__":
    main(sys.argv[1:])
