"""The real clients of the Open Inference Protocol, unchanged, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.transports.protos import open_inference_pb2
from pipeline.train import Rows
from tests.live import Live, live
from tests.servers import lack

CLIENTS = Path(__file__).parents[1] / "clients"
ENVIRONMENTS = Path(__file__).parents[2] / ".venv-clients"
HEALTHY = {"live": True, "ready": True, "model_ready": True}


@pytest.fixture(scope="module")
def service(store_home: Path) -> Iterator[Live]:
    with live(store_home) as service:
        yield service


def environment(name: str) -> Path:
    """The Python of a client's environment, which is made if it is not there as its lock wants it."""
    folder, lock = ENVIRONMENTS / name, (CLIENTS / f"{name}.lock").read_text()
    ready, python = folder / "ready", folder / "bin" / "python"
    if not ready.is_file() or ready.read_text() != lock:
        venv.create(folder, clear=True)
        (ENVIRONMENTS / ".gitignore").write_text("*\n")
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        _run([*install, "--require-hashes", "--requirement", str(CLIENTS / f"{name}.lock")])
        ready.write_text(lock)
    return python


def _run(command: list[str]) -> None:
    """Run an installation; without a package index the test needs one."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lack(f"packages that cannot be installed: {done.stderr.strip()[-300:]}")


def heard(name: str, service: Live, pricer: Pricer, houses: Any) -> dict[str, Any]:
    """What a client's script heard of the service."""
    asked = {**service._asdict(), "version": pricer.bundle.version, "names": HOUSE.names, "houses": houses.tolist()}
    command = [environment(name), "-I", CLIENTS / f"{name}.py"]  # a script must not be taken for the client it uses
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("name", ["tritonclient_http", "tritonclient_grpc"])
def test_tritons_client_is_answered(name: str, service: Live, pricer: Pricer, table: Rows) -> None:
    told, prices = heard(name, service, pricer, table.houses), pricer.price(table.houses)
    assert HEALTHY.items() <= told.items()
    assert (told["server"], told["model"], told["id"]) == ("casa", [pricer.bundle.version], "mine")
    assert told["binary"] == told["listed"] == told["columns"] == prices.price.tolist()
    assert (told["high"], told["low"]) == (prices.high.tolist(), True)
    assert told["single"] == pricer.price(table.houses.astype("f4").astype("f8")).price.tolist()
    assert told.get("other_ready", False) is False
    check_refusals(told, grpc=name.endswith("grpc"))


def check_refusals(told: dict[str, Any], *, grpc: bool) -> None:
    codes = [told[name][0].removeprefix("StatusCode.") for name in ("bad_value", "no_key", "other_model")]
    assert codes == (["INVALID_ARGUMENT", "UNAUTHENTICATED", "NOT_FOUND"] if grpc else ["400", "401", "404"])
    assert told["bad_value"][1].startswith("row 0, ZN: Input should be less than or equal to 100")


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_kserves_client_is_answered(transport: str, service: Live, pricer: Pricer, table: Rows) -> None:
    told = heard("kserve", service, pricer, table.houses)[transport]
    assert HEALTHY.items() <= told.items()
    assert told["id"] == "mine"
    assert told["binary"] == told["listed"] == pricer.price(table.houses).price.tolist()
    assert told["bad_value"][0] in (400, "INVALID_ARGUMENT")
    assert told["bad_value"][1].startswith("row 0, ZN: Input should be less than or equal to 100")


@pytest.mark.parametrize("name", ["tritonclient_grpc", "kserve"])
def test_the_messages_are_those_of_the_clients(name: str, service: Live, pricer: Pricer, table: Rows) -> None:
    told = heard(name, service, pricer, table.houses)
    theirs = told.get("grpc", told)["fields"]
    ours = dict(fields(open_inference_pb2.DESCRIPTOR.message_types_by_name.values()))
    shared = ours.keys() & theirs.keys()  # the protocol's properties and newer parameters are not in all of them
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
    assert len(ours.keys() - shared) <= 5


def fields(messages: Iterable[Any]) -> Iterator[tuple[str, list[int]]]:
    for message in messages:
        yield from ((field.full_name, [field.number, field.type]) for field in message.fields)
        yield from fields(message.nested_types)
