"""A program that runs as our child: it gets our signals, ends when we end, and its exit code is ours."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from casa import kin

FORWARDED = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGQUIT: signal.SIGTERM,
    signal.SIGHUP: signal.SIGTERM,  # BentoML's would restart its workers on a terminal that is gone
}
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
"""How long what the program left behind may take to end by itself."""


class Child:
    """A started program in a process group of its own, so that Ctrl-C reaches it once: through us."""

    def __init__(self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> None:
        self.stopped_by: int | None = None
        self._code: int | None = None
        kin.adopt()  # what the program starts must not outlive it unseen
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _become(command, folder=folder, environ=environ, parent=parent)
        for number in FORWARDED:
            signal.signal(number, self._forward)

    def until(self, ready: Callable[[], bool]) -> bool:
        """True as soon as the program is ready, False if it ended before."""
        while not ready():
            time.sleep(POLL_SECONDS)
            self._wait(os.WNOHANG)
            if self._code is not None:
                return False
        return True

    def wait(self) -> int:
        """The program's exit code, or 128 and the number of the signal that ended it."""
        while self._code is None:
            self._wait(0)
        _sweep()
        return self._code

    def _wait(self, options: int) -> None:
        pid, status = os.waitpid(self._pid, options)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            self._code = code if code >= 0 else 128 - code

    def _forward(self, number: int, _: object) -> None:
        self.stopped_by = number
        with suppress(ProcessLookupError):
            os.killpg(self._pid, FORWARDED[signal.Signals(number)])


def _become(command: Sequence[str], *, folder: Path, environ: Mapping[str, str], parent: int) -> None:
    """Turn into the program; nothing comes back from here."""
    try:
        os.setpgid(0, 0)
        if kin.follow(parent):
            os.chdir(folder)
            os.execvpe(command[0], list(command), dict(environ))  # noqa: S606 - no shell, on purpose
    finally:
        os._exit(127)


def _sweep() -> None:
    """End what the program left behind if it was killed: a worker would keep the port."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _children():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _children() and time.monotonic() < deadline:
            os.waitpid(-1, os.WNOHANG)
            time.sleep(POLL_SECONDS)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []
