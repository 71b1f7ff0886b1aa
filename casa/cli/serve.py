"""`casa serve`: the service, from this source or from an installed Bento."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

import casa
from casa.cli import console
from casa.errors import CasaError, NotFound

if TYPE_CHECKING:
    from casa.settings import Settings

PROBE_SECONDS = 2.0
KEY_HEADER = "X-API-Key"
LOCAL_KEY = "local.key"
"""Where `casa.access.local_key` keeps its key, in the data folder; that module takes a second to load."""
NO_KEY = "a key of `casa keys create --client NAME`"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only compared with
"""Where a server that listens everywhere is called from its own machine."""


class Address(NamedTuple):
    """Where the server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """How a caller on this machine writes it."""
        host = ANYWHERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def serve(
    bento: Annotated[
        str | None, typer.Argument(metavar="BENTO", help="An installed Bento, as casa:latest; else this source.")
    ] = None,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port; unless given CASA_HTTP_PORT, else 3000.")
    ] = None,
) -> None:
    """Serve prices over HTTP until Ctrl-C or SIGTERM.

    Example: casa serve --port 8080
    """
    from casa.settings import load_settings

    settings = load_settings()
    address = open_address(host, port or settings.http_port)
    open_address(host, settings.grpc_port, choose="CASA_GRPC_PORT")
    if bento is None:
        target, folder = "service:Casa", _source()
        _check_model()
    else:
        target, folder = ".", _bento(bento)  # which looks for its own model itself
    raise typer.Exit(_run(target, folder, address=address, settings=settings))


def open_address(host: str, port: int, *, choose: str = "--port") -> Address:
    """The address as numbers, once it is known to be free; CasaError if it is not."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen()
    except socket.gaierror as error:
        raise CasaError(f"{host} is no address of this machine: try --host 127.0.0.1") from error
    except (OSError, UnicodeError) as error:
        raise CasaError(
            f"port {port} of {host} cannot be used ({_reason(error)}): choose another by {choose}"
        ) from error
    return Address(str(place[0]), port)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _source() -> Path:
    """The folder of service.py, beside the package."""
    folder = Path(casa.__file__).resolve().parent.parent
    if not (folder / "service.py").is_file():
        raise NotFound("this Casa has no service.py beside it: name an installed Bento, as in `casa serve casa:latest`")
    return folder


def _bento(tag: str) -> Path:
    import bentoml
    from bentoml.exceptions import BentoMLException

    try:
        return Path(bentoml.bentos.get(tag).path)
    except (BentoMLException, ValueError) as error:
        raise NotFound(f"there is no Bento {tag}: `bentoml list` shows them, `bentoml build` makes one") from error


def _check_model() -> None:
    from casa.cli.served import load_served

    load_served()


def _run(target: str, folder: Path, *, address: Address, settings: Settings) -> int:
    from casa.cli.child import Child

    command = [sys.executable, "-m", "bentoml", "serve", target, "--host", address.host, "--port", str(address.port)]
    child = Child(command, folder=folder, environ=_environ(address))
    if child.until(lambda: answers(address, "/readyz")):
        _announce(address, key=_find_key(address, settings))
    return child.wait()


def _environ(address: Address) -> Mapping[str, str]:
    fixed = {"CASA_HTTP_PORT": str(address.port), "BENTOML_DO_NOT_TRACK": "true"}
    return {"OMP_NUM_THREADS": "1", **os.environ, **fixed}


def answers(address: Address, path: str, *, key: str = "") -> bool:
    """Does a server there say that all is well?"""
    connection = HTTPConnection(ANYWHERE.get(address.host, address.host), address.port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path, headers={KEY_HEADER: key})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _find_key(address: Address, settings: Settings) -> str | None:
    """The key that a start on loopback makes for its own machine, if it opens anything."""
    try:
        key = (settings.data_dir / LOCAL_KEY).read_text("ascii").strip()
    except (OSError, ValueError):
        key = ""
    return key if key and answers(address, "/model", key=key) else None


def _announce(address: Address, *, key: str | None) -> None:
    from casa.house import HOUSE

    headers = f"-H 'Content-Type: application/json' -H '{KEY_HEADER}: {key or NO_KEY}'"
    console.answer(f"Casa answers at {address.url}; Ctrl-C ends it. Its pages, and a price:")
    console.answer(f"{address.url}/{f'#key={key}' if key else ''}")
    console.answer(f"curl -s {address.url}/predict {headers} -d {shlex.quote(json.dumps(HOUSE.example))}")
    sys.stdout.flush()
