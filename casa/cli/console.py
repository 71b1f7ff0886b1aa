"""The terminal: answers go to stdout, all that is said about them to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
    import logging

    import structlog

    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)
