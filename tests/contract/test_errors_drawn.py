from collections.abc import Iterator

import grpc

from casa import errors
from casa.errors import CasaError


def family(error: type[CasaError]) -> Iterator[type[CasaError]]:
    yield error
    for child in error.__subclasses__():
        yield from family(child)


def test_every_error_is_drawn_with_its_codes() -> None:
    drawn = [line.lstrip("├└│─ ").split() for line in (errors.__doc__ or "").splitlines()]
    for error in family(CasaError):
        assert [error.__name__, str(error.status), error.code] in drawn


def test_every_code_is_one_of_grpc() -> None:
    for error in family(CasaError):
        assert error.code in grpc.StatusCode.__members__


def test_every_error_says_what_it_is() -> None:
    for error in family(CasaError):
        assert error.__doc__
