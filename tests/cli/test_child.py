"""A program as our child: its exit code is ours, our end is its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.cli.shell import ROOT
from tests.servers import until

CODE = """
import os, sys
from pathlib import Path
from casa.cli.child import Child
child = Child(["sh", "-c", sys.argv[1]], folder=Path("/"), environ=os.environ)
sys.exit(child.wait())
"""


def run(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CODE, script], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("exec /nowhere", 127)]
)
def test_its_exit_code_is_ours(script: str, code: int) -> None:
    with run(script) as process:
        assert process.wait() == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_our_signals_reach_it(number: signal.Signals) -> None:
    with run("trap 'exit 3' INT TERM; echo ready; while :; do read -t 1 line; done < /dev/zero") as process:
        first_line(process)
        process.send_signal(number)
        assert process.wait() == 3


def test_it_ends_when_we_are_killed() -> None:
    with run("echo $$; exec tail -f /dev/null") as process:
        pid = int(first_line(process))
        process.kill()
        until(lambda: is_gone(pid))


def test_what_it_leaves_behind_ends_with_it() -> None:
    with run("tail -f /dev/null & echo $!; kill -9 $$") as process:
        pid = int(first_line(process))
        assert process.wait() == 137
        assert is_gone(pid)
