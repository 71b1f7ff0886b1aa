"""Parent and child processes, tied together: by Linux's prctl(2), and not at all elsewhere."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PDEATHSIG, SUBREAPER = 1, 36


def follow(parent: int) -> bool:
    """Be sent SIGTERM as soon as the parent ends, however it ends; False if it has ended already."""
    _control(PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def adopt() -> None:
    """Become the parent of what our children leave behind."""
    _control(SUBREAPER, 1)


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
