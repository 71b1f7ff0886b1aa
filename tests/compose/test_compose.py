"""`make up` from a fresh clone: four services on one machine, closed to everybody else, that keep what they know."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from casa.house import HOUSE
from tests.compose.machine import COMPOSE, SERVICES, Machine
from tests.images.container import PIPELINE, SERVICE, need_image, podman
from tests.servers import until

BAD = """
import json
from pathlib import Path
import numpy as np
from casa.house import HOUSE
from casa.model import bundle
from casa.model.pricer import Pricer
from casa.model.store import Store, open_store

(entry,) = Store(Path("/opt/casa/bento")).entries()
files = {**bundle.load(entry.folder).files}
model = json.loads(files[bundle.MODEL])
model["ensemble"]["members"][0]["center"] += 6.0
files[bundle.MODEL] = json.dumps(model).encode()
bundle.write(Path("draft"), files)
golden = json.loads(files[bundle.GOLDEN])
houses = np.array([[one["house"].get(name) for name in HOUSE.names] for one in golden], dtype=np.float64)
prices = Pricer(bundle.load(Path("draft"))).price(houses).price
files[bundle.GOLDEN] = json.dumps([{**one, "price": float(price)} for one, price in zip(golden, prices)]).encode()
bundle.write(Path("draft"), files)
print(version := open_store().save(Path("draft")))
open_store().crown(version)
"""
"""A champion whose prices are far too high."""
QUICK = ("train.draws=2", "train.search_folds=2", "train.folds=3", "train.repeats=1", "evaluate.repeats=1",
         "evaluate.bootstraps=200", "train.seed=7")  # fmt: skip
REACH = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
every_service = pytest.mark.parametrize("service", SERVICES)
ALIAS = "import mlflow; print(mlflow.MlflowClient().get_model_version_by_alias('casa', 'champion').tags['version'])"


class Up(NamedTuple):
    """A machine after its first `make up`, and what that said."""

    machine: Machine
    refusal: str
    """What compose said before."""
    said: str
    key: str

    def ask(self, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        """What the published port answers."""
        headers = {"X-API-Key": self.key if key is None else key}
        return httpx.request("POST" if body else "GET", self.machine.url + path, json=body, headers=headers)

    def version(self) -> str:
        """The model that is served."""
        return str(self.ask("/health").json()["model_version"])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    for image in (SERVICE, PIPELINE):
        need_image(image)
    machine = Machine(tmp_path_factory.mktemp("clone") / "casa with a space")
    try:
        refusal = machine.run(COMPOSE, "up", "--detach", check=False)
        said = machine.make("up")
        yield Up(machine, refusal, said, re.findall(r"#key=(\S+)", said)[0])
    finally:
        machine.remove()


def test_without_passwords_compose_says_what_makes_them(up: Up) -> None:
    assert "there are no passwords yet, make up makes them" in up.refusal


def test_nobody_else_can_read_the_passwords(up: Up) -> None:
    modes = {name: (up.machine.folder / name).stat().st_mode & 0o777 for name in (".secrets", ".env")}
    assert modes == {".secrets": 0o700, ".env": 0o600}


def test_no_password_is_on_a_command_line_or_in_a_variable(up: Up) -> None:
    passwords = re.findall(r"[0-9a-f]{48,}", " ".join(path.read_text() for path in secrets(up).values()))
    told = podman("ps", "--all", "--no-trunc").stdout + str([up.machine.inspect(one) for one in SERVICES])
    lines = [path.read_text() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert len(passwords) == 8
    assert not [word for word in passwords if word in told or any(word in line for line in lines)]


@every_service
def test_each_is_healthy(up: Up, service: str) -> None:
    until(lambda: up.machine.healthy(service), seconds=60)


@every_service
def test_each_is_closed(up: Up, service: str) -> None:
    told: Any = up.machine.inspect(service)
    host = told["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert (told["EffectiveCaps"] or [], told["BoundingCaps"] or []) == ([], [])
    assert "no-new-privileges" in host["SecurityOpt"]
    assert 0 < host["Memory"] <= 1536 * 1024**2
    assert told["Config"]["User"] in ("1034:1034", "999:999")


def test_only_this_machine_reaches_it(up: Up) -> None:
    told: dict[str, Any] = {service: up.machine.inspect(service)["HostConfig"] for service in SERVICES}
    published = {service: host["PortBindings"] for service, host in told.items()}
    places = {
        service: [one["HostIp"] for port in ports.values() for one in port or ()]
        for service, ports in published.items()
    }
    assert places == {"casa": ["127.0.0.1"] * 2, "mlflow": ["127.0.0.1"], "postgres": [], "redis": []}


@pytest.mark.parametrize(
    ("service", "other", "port"), [("casa", "redis", 6379), ("casa", "postgres", 5432), ("mlflow", "postgres", 5432)]
)
def test_each_reaches_what_it_needs(up: Up, service: str, other: str, port: int) -> None:
    up.machine.within(service, "python", "-c", REACH, other, str(port))


@pytest.mark.parametrize(
    ("service", "other", "port"), [("casa", "mlflow", 5000), ("mlflow", "redis", 6379), ("mlflow", "casa", 3000)]
)
def test_none_reaches_what_it_does_not_need(up: Up, service: str, other: str, port: int) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        up.machine.within(service, "python", "-c", REACH, other, str(port))


def test_it_says_a_price_over_both_ports(up: Up) -> None:
    prices = re.findall(r"(\S+) answers ([\d.]+)$", up.said, re.MULTILINE)
    assert [address for address, _ in prices] == [up.machine.url, f"127.0.0.1:{up.machine.grpc}"]
    assert len({price for _, price in prices}) == 1


def test_strangers_get_no_price(up: Up) -> None:
    assert up.ask("/predict", HOUSE.example, key="").status_code == 401


def test_predictions_and_what_houses_sold_for_are_in_postgresql(up: Up) -> None:
    answer = up.ask("/predict", HOUSE.example)
    number = answer.json()["request_id"]
    until(lambda: up.machine.query("SELECT count(*) FROM predictions") != "0", seconds=10)
    assert up.ask("/feedback", {"request_id": number, "price": 24.0}).is_success
    assert up.machine.query("SELECT count(*) FROM feedback") == "1"


def test_quotas_are_counted_in_redis(up: Up) -> None:
    key = up.machine.within("casa", "casa", "keys", "create", "--client=acme", "--quota=2/hour").strip()
    until(lambda: up.ask("/predict", HOUSE.example, key=key).status_code != 401, seconds=10)
    until(lambda: up.ask("/predict", HOUSE.example, key=key).status_code == 429, seconds=10)
    redis = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli --scan'
    assert "acme" in up.machine.within("redis", "sh", "-c", redis)


def test_redis_asks_for_the_password(up: Up) -> None:
    assert "NOAUTH" in up.machine.within("redis", "redis-cli", "dbsize")


def test_a_better_model_is_served_after_a_retraining_and_all_is_kept_from_one_start_to_the_next(up: Up) -> None:
    own, bad = up.version(), up.machine.within("casa", "python", "-c", BAD).strip()
    told = up.machine.make("retrain-compose", "ARGS=" + " ".join(f"--set {knob}" for knob in QUICK))
    made = re.findall(r"model (\w+), promoted", told)[0]
    assert made not in (own, bad)
    assert up.version() == made
    before = {name: path.read_text() for name, path in secrets(up).items()}
    up.machine.make("down")
    assert podman("ps", "--all", f"--filter=label=io.podman.compose.project={up.machine.name}", "--quiet").stdout == ""
    said = up.machine.make("up")
    assert f"#key={up.key}" in said
    assert up.version() == made
    assert up.machine.query("SELECT count(*) FROM feedback") == "1"
    assert {name: path.read_text() for name, path in secrets(up).items()} == before
    words = ("env", "MLFLOW_TRACKING_URI=http://127.0.0.1:5000", "python", "-c", ALIAS)
    assert up.machine.within("mlflow", *words).strip() == made


def secrets(up: Up) -> dict[str, Path]:
    """The files of passwords by name."""
    return {path.name: path for path in (up.machine.folder / ".secrets").iterdir()}
