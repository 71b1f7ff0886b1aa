"""The service as its users start it: from source, and as a Bento."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from casa.model import bundle
from casa.model.store import Store
from tests.servers import free_port
from tests.service.server import PROJECT, Server, run, serve
from tests.transports.caller import EXAMPLE, Caller
from tests.transports.conftest import serving

HEAVY = ("xgboost", "onnxruntime", "mlflow", "shap", "pandas", "sklearn", "matplotlib", "dvc")
BAD_STARTS = {
    "CASA_MAX_ROWZ": ("5", "did you mean CASA_MAX_ROWS?"),
    "CASA_MAX_ROWS": ("-5", "CASA_MAX_ROWS cannot be used"),
    "CASA_MODEL_VERSION": ("0123456789ab", "is not in the store"),
}


@pytest.fixture(scope="module")
def home(store_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BENTOML_HOME of our own."""
    return Path(shutil.copytree(store_home, tmp_path_factory.mktemp("service") / "home"))


@pytest.fixture(scope="module")
def in_process(home: Path) -> Iterator[Caller]:
    with serving(home) as caller:
        yield caller


@pytest.fixture(scope="module")
def source(home: Path) -> Iterator[Server]:
    with serve(".", home=home) as server:
        yield server


@pytest.fixture(scope="module")
def bento(home: Path) -> str:
    """A Bento's tag. After it was built, another model became the champion."""
    built = run("build", "--output", "tag", home=home)
    assert built.returncode == 0, built.stderr
    crown_another(home)
    return built.stdout.split("__tag__:")[1].strip()


def crown_another(home: Path) -> None:
    """Make a model of another version the champion, as BentoML would have kept it."""
    store = Store(home)
    old = store.find()
    files = {path.name: path.read_bytes() for path in old.iterdir() if path.name != bundle.MANIFEST}
    model = orjson.loads(files[bundle.MODEL])
    version = bundle.write(home / "new", {**files, bundle.MODEL: orjson.dumps({**model, "features_used": ["RM"]})})
    place = home / "models" / bundle.NAME / version
    shutil.copytree(old.parent, place)
    shutil.rmtree(place / "bundle")
    (home / "new").rename(place / "bundle")
    store.crown(version)


def price(server: Server | Caller) -> dict[str, object]:
    client = server.client if isinstance(server, Server) else server
    answer = client.post("/predict", json=EXAMPLE) if isinstance(server, Server) else server.predict()
    assert answer.status_code == 200
    return {name: value for name, value in answer.json().items() if name not in ("inference_time", "request_id")}


def test_source_and_process_say_the_same(source: Server, in_process: Caller) -> None:
    assert price(source) == price(in_process)


def test_a_batch_is_priced(source: Server) -> None:
    answer = source.client.post("/predict/batch", json={"instances": [EXAMPLE, {}]}).json()
    assert [one is None for one in answer["predictions"]] == [False, True]


def test_nothing_is_said_of_the_server(source: Server) -> None:
    for answer in (source.client.post("/predict", json=EXAMPLE), source.client.get("/"), source.client.get("/health")):
        assert not {name for name in answer.headers if name == "server" or "bento" in name}


def test_it_listens_on_this_machine_only(source: Server) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        assert socket.socket().connect_ex((address, source.port)) != 0


def talk(server: Server, sent: bytes) -> bytes:
    """What the server says to these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"Content-Length: 1000000000\r\n\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 4, b"413"),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"400"),
        (b"Content-Length: -1\r\n\r\n{}", b"400"),
    ],
)
def test_a_body_of_unclear_or_too_great_length_ends_the_connection(
    source: Server, framing: bytes, status: bytes
) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: casa\r\nContent-Type: application/json\r\nX-API-Key: %b\r\n"
    head %= source.key.encode()
    assert talk(source, head + framing).split(b" ", 2)[1] == status


def test_a_connection_goes_on_after_a_refusal(source: Server) -> None:
    refused = b"POST /nowhere HTTP/1.1\r\nHost: casa\r\nContent-Length: 2\r\n\r\n{}"
    answer = talk(source, refused + b"GET /livez HTTP/1.1\r\nHost: casa\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"404", b"200"]


def test_a_bento_serves_the_model_it_was_built_with(home: Path, bento: str, tmp_path: Path, in_process: Caller) -> None:
    with serve(bento, home=home, folder=tmp_path) as server:
        assert price(server) == price(in_process)
        assert server.client.get("/health").json()["model_version"] != Store(home).champion


def test_a_bento_holds_the_serving_half_and_no_more(home: Path, bento: str) -> None:
    folder = home / "bentos" / bento.replace(":", "/")
    files = [path.relative_to(folder / "src") for path in (folder / "src").rglob("*") if path.is_file()]
    held = {path.parts[0] for path in files if "__pycache__" not in path.parts}  # left by serving it
    assert held == {"service.py", "casa", "bentofile.yaml"}
    assert (folder / "src/casa/web/html/home.html").is_file()
    assert "--index-url" not in (folder / "env/python/requirements.txt").read_text()


def test_a_bento_can_be_built_before_there_is_a_model(tmp_path: Path) -> None:
    built = run("build", home=tmp_path)
    assert built.returncode == 0
    assert [line for line in built.stderr.splitlines() if "holds no model" in line]


@pytest.mark.parametrize("name", BAD_STARTS)
def test_a_start_with_a_bad_setting_ends_with_one_line(home: Path, name: str) -> None:
    value, words = BAD_STARTS[name]
    ended = run("serve", ".", home=home, **{name: value})
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert words in ended.stderr


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"CASA_DATABASE_URL": "postgresql://casa@127.0.0.1:1/casa"}, "does not answer"),
        ({"CASA_KEYS_FILE": "/nowhere/keys.json"}, "/nowhere/keys.json"),
    ],
)
def test_a_worker_that_cannot_start_ends_the_service_with_one_line(
    home: Path, setting: dict[str, str], words: str
) -> None:
    ended = run("serve", ".", "--port", str(free_port()), home=home, **setting)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert ended.stderr.startswith("casa: ")
    assert words in ended.stderr


def test_a_start_for_others_without_a_pepper_ends_with_one_line(home: Path) -> None:
    ended = run("serve", ".", "--host", "0.0.0.0", home=home)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "CASA_KEY_PEPPER must be set" in ended.stderr


def test_a_start_without_a_model_ends_with_one_line(tmp_path: Path) -> None:
    ended = run("serve", ".", home=tmp_path)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert "there is no model yet" in ended.stderr


def test_a_start_with_a_damaged_model_ends_with_one_line(store_home: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(store_home, tmp_path / "home"))
    with (Store(home).find() / bundle.GRAPH).open("ab") as file:
        file.write(b"x")
    ended = run("serve", ".", home=home)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "damaged" in ended.stderr


def test_sigterm_ends_it_cleanly(home: Path) -> None:
    with serve(".", home=home, CASA_HOT_PATH="false") as server:
        assert server.client.post("/predict", json=EXAMPLE).status_code == 200
        assert server.stop() == 0


def test_importing_the_service_reads_no_model_and_loads_no_engine(tmp_path: Path) -> None:
    words = f"import sys, service; print([name for name in {HEAVY} if name in sys.modules])"
    env = {"HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", words], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0)
