"""The management socket: who may use it, whose it is, and what happens where there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from casa.transports.management import ROUTE
from tests.transports.managed import managed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place in a folder that is not there yet."""
    return tmp_path / "data" / "3000.sock"


def leave(path: Path) -> None:
    """A socket whose process was killed."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()


def test_it_tells_and_drains_as_often_as_it_is_asked_to(path: Path) -> None:
    with managed(path) as one:
        assert one.ask("GET").json() == {"draining": False, "running": 3}
        assert [one.ask("POST").json() for _ in range(2)] == [{"draining": True, "running": 3}] * 2
        assert one.ask("GET").json()["draining"] is True


@pytest.mark.parametrize(("method", "route", "status"), [("PUT", ROUTE, 405), ("POST", "/predict", 404)])
def test_nothing_else_is_there(path: Path, method: str, route: str, status: int) -> None:
    with managed(path) as one:
        assert (one.ask(method, route).status_code, one.drained) == (status, 0)


def test_only_its_user_may_use_it(path: Path) -> None:
    with managed(path):
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_it_leaves_nothing_behind(path: Path) -> None:
    with managed(path):
        pass
    assert not path.exists()


def test_a_killed_predecessors_socket_is_replaced(path: Path) -> None:
    leave(path)
    with managed(path) as one:
        assert one.ask("GET").status_code == 200


def test_a_living_ones_socket_is_not_taken_from_it(path: Path) -> None:
    with managed(path) as first:
        with capture_logs() as lines, managed(path) as second:
            second.ask("POST")
        assert (first.ask("GET").json()["draining"], second.drained, len(lines)) == (True, 0, 1)


def test_a_file_in_its_place_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with capture_logs() as lines, managed(path):
        pass
    assert (path.read_text(), lines[0]["reason"]) == ("mine", "Address already in use")


@pytest.mark.parametrize("place", ["file/3000.sock", f"{'long' * 30}/3000.sock", "/proc/3000.sock"])
def test_where_it_cannot_be_one_line_says_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as lines, managed(tmp_path / place):
        pass
    (line,) = lines
    assert "set CASA_DATA_DIR to a writable folder" in line["event"]
