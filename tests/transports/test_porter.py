import resource
from collections.abc import Iterator

import pytest

from casa.transports.porter import OWN_FILES, Stillness, most_connections, open_files


@pytest.fixture
def files() -> Iterator[tuple[int, int]]:
    """The limit of open files, put back afterwards."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_what_stays_is_still_since_the_look_before_it_was_seen() -> None:
    stillness = Stillness(0.0)
    assert [stillness.seconds("head", now) for now in (1.0, 2.0, 3.5)] == [1.0, 2.0, 3.5]


def test_what_changes_is_not_still() -> None:
    stillness = Stillness(0.0)
    assert [stillness.seconds(state, now) for state, now in (("a", 1.0), (None, 2.0), ("a", 3.0))] == [1.0, 1.0, 1.0]


def test_few_open_files_allow_few_connections() -> None:
    assert most_connections(1000, OWN_FILES + 400) == 200
    assert most_connections(1000, OWN_FILES + 40_000) == 1000
    assert most_connections(1000, 0) == 1


def test_as_many_files_may_be_open_as_are_wanted_and_allowed(files: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, files[1]))
    assert open_files(300) == 300
    assert open_files(600) == 600 == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert open_files(files[1] + 1) == files[1]
