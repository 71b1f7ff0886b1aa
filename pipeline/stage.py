"""What stages share: a start from the command line, words to whoever watches, a process for a rude package."""

from __future__ import annotations

import signal
import sys
import warnings
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from io import StringIO
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.text import Text

from casa.errors import CasaError
from pipeline.params import Params, load_params

Given = TypeVar("Given")
Answer = TypeVar("Answer")

LEAVE_SECONDS = 5.0
"""How long a process may take to end after its answer, before it is ended."""


def stage(doc: str | None, run: Callable[[Params, Path], None]) -> None:
    """Run a stage in this folder; --help prints `doc`, a CasaError is one sentence on stderr and exit code 1."""
    name = Path(sys.argv[0]).stem
    ArgumentParser(
        f"python -m pipeline.{name}", description=doc, formatter_class=RawDescriptionHelpFormatter
    ).parse_args()
    try:
        run(load_params(), Path())
    except CasaError as error:
        raise SystemExit(f"{name}: {error}") from error
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error


def say(sentence: str) -> None:
    """Put a line on stderr, as it is: a column's name must not become markup."""
    Console(stderr=True, soft_wrap=True).print(Text(sentence))


def working(sentence: str) -> AbstractContextManager[object]:
    """A spinner on stderr while something takes long; nothing where stderr is no terminal."""
    # The stream itself, not `stderr=True`: the spinner must outlive a redirection of sys.stderr under it.
    return Console(file=sys.stderr).status(Text(sentence))


def apart(task: Callable[[Given], Answer], given: Given, *, seconds: float | None) -> Answer:
    """What `task` answers in a process of its own, where a package may print, warn, hang or exit as it likes.

    Its CasaError is raised here; TimeoutError after `seconds`. The process is gone when this returns.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, task, given), daemon=True)
    process.start()
    theirs.close()
    try:
        answer: Answer = _receive(ours, seconds=seconds)
    except (TimeoutError, KeyboardInterrupt):
        process.kill()
        raise
    finally:
        ours.close()
        process.join(LEAVE_SECONDS)
        process.kill()
    return answer


def _receive(pipe: Connection, *, seconds: float | None) -> Any:  # what the other end sent
    if not pipe.poll(seconds):
        raise TimeoutError
    try:
        answer = pipe.recv()
    except EOFError as error:
        raise CasaError("a process of the stage died before its answer, perhaps for lack of memory") from error
    if isinstance(answer, CasaError):
        raise answer
    return answer


def _send(pipe: Connection, task: Callable[[Given], Answer], given: Given) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage, which ends this process too
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pipe.send(task(given))
        except CasaError as error:
            pipe.send(error)
