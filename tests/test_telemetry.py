"""No library of ours reports home: every address outside is reached through a proxy that only listens."""

import os
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

LOADS = {
    "onnxruntime": "from casa.model.engine import OnnxEngine; OnnxEngine(open({graph!r}, 'rb').read())",
    "doctor": "from casa.cli.checks import check_packages; list(check_packages())",
    "mlflow": "from casa.model.registry import Registry; Registry('sqlite:///{folder}/m.db').alias('champion')",
    "bentoml": "from casa.model.store import Path, Store; Store(Path({folder!r})).save(Path({bundle!r}))",
}


class Listener(socketserver.ThreadingTCPServer):
    """A proxy that notes who asks and answers nobody."""

    allow_reuse_address = True

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Listener)
        self.server.asked.append(self.rfile.readline())


@pytest.fixture
def proxy() -> Iterator[Listener]:
    with Listener() as listener:
        thread = Thread(target=listener.serve_forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


@pytest.mark.parametrize("library", LOADS)
def test_a_library_tells_nobody(library: str, proxy: Listener, bundle_folder: Path, tmp_path: Path) -> None:
    places = {"graph": f"{bundle_folder}/model.onnx", "bundle": str(bundle_folder), "folder": str(tmp_path)}
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    lent = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), address)
    bare = {name: value for name, value in os.environ.items() if "NO_TRACK" not in name and name != "CI"}
    bare["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", LOADS[library].format(**places)], env={**bare, **lent}, check=True)
    assert proxy.asked == []
    assert not list(tmp_path.rglob("deviceid"))  # ONNX Runtime names the machine before it reports
