"""The process above the worker. BentoML's starts a worker that cannot start again, forever: ours ends with it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

import click

from casa.errors import CasaError

NAME = "_CASA_SUPERVISOR"
"""Where a worker finds the process that waits for its failure. Not one of the settings' names."""
FAILED = signal.SIGUSR1


def await_failure() -> None:
    """In the process of `bentoml serve`: end with exit code 1 once a worker says that it cannot start.

    A program that serves from within itself is not ended: it has no command.
    """
    if click.get_current_context(silent=True) is not None:
        signal.signal(FAILED, _give_up)
        os.environ[NAME] = str(os.getpid())


def fail(error: CasaError) -> NoReturn:
    """In a worker that cannot start: say why in one line, and end it and its supervisor."""
    print(f"casa: {error}", file=sys.stderr, flush=True)
    parent = os.getppid()
    if os.environ.get(NAME) == str(parent):
        with suppress(ProcessLookupError):
            os.kill(parent, FAILED)
    os._exit(1)  # an exception would be logged by each of the servers around us


def _give_up(*_: object) -> None:
    atexit.register(os._exit, 1)  # a supervisor that is stopped ends with 0
    os.kill(os.getpid(), signal.SIGTERM)
