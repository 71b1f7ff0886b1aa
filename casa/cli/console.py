"""The terminal: answers go to stdout, all that is said about them to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.text import Text


def stdout() -> Console:
    """Where answers go. Made anew for each use: a test's stdout is not the next one's."""
    return Console(highlight=False)


def stderr() -> Console:
    """Where everything else goes: the stream of this moment, whatever is done to sys.stderr later."""
    return Console(file=sys.stderr, highlight=False)


def answer(sentence: str) -> None:
    """A line of the answer, as it is: a file's name must not become markup."""
    stdout().print(Text(sentence), soft_wrap=True)


def say(sentence: str) -> None:
    """A line on stderr, as it is."""
    stderr().print(Text(sentence), soft_wrap=True)


def is_terminal() -> bool:
    """Does somebody read the answer, rather than a program?"""
    return sys.stdout.isatty()


def working(sentence: str) -> AbstractContextManager[object]:
    """A spinner while something takes long; nothing where stderr is no terminal."""
    return stderr().status(Text(sentence))


@contextmanager
def hushed() -> Iterator[None]:
    """Without the log's notes on stdout, among an answer that tells the same; warnings go to stderr."""
    with _logging("WARNING"):
        yield


@contextmanager
def _logging(level: str) -> Iterator[None]:
    """The log on stderr, from this level on."""
    import structlog

    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def told() -> Iterator[Callable[[str], None]]:
    """A way to tell how far something is: a line that changes on a terminal, lines of the log on stderr elsewhere."""
    import structlog

    if not sys.stderr.isatty():
        with _logging("INFO"):
            yield structlog.get_logger().info
        return
    with hushed(), stderr().status("") as status:
        yield lambda sentence: status.update(Text(sentence))
