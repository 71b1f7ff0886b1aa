"""One release for all tests of the cluster, in the order of its life."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.callers import ask
from tests.cluster.laptop import casa
from tests.cluster.models import Workshop
from tests.cluster.release import Release
from tests.servers import lack, tool, until

ORDER = ("install", "traffic", "scaling", "retraining", "outages", "upgrades")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each module finds the release as the one before has left it; they are independent of how that one went."""
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    name = path.stem.removeprefix("test_")
    return ORDER.index(name) if path.parent.name == "cluster" and name in ORDER else -1


@pytest.fixture(scope="session")
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart, installed with a laptop's values; what it did is told if a test fails."""
    tool("helm")
    if subprocess.run([tool("kubectl"), "version"], capture_output=True).returncode:
        lack("a cluster that KUBECONFIG leads to")
    release = Release(f"casa-test-{secrets.token_hex(3)}", tmp_path_factory.mktemp("release"))
    try:
        release.open()
        release.install()
        yield release
        if request.session.testsfailed:
            tell(release)
    except BaseException:
        tell(release)
        raise
    finally:
        release.close()


@pytest.fixture(scope="session")
def workshop(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where models of other versions are made."""
    return Workshop(release, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def key(release: Release) -> str:
    """The key that `helm test` uses."""
    return release.secret("casa-keys", "test-key")


@pytest.fixture(scope="session")
def client_key(release: Release, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A key that an operator has made for a client, once the service knows it: a Secret takes a while to arrive."""
    words = ("keys", "create", "--client=acme", "--scope=predict", "--scope=feedback", "--quota=100000/minute")
    made = casa(release, *words, "--secret=casa-keys", home=tmp_path_factory.mktemp("operator"))
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    until(lambda: ask(token).status == 200, seconds=150)
    return token


def tell(release: Release) -> None:
    """Events, and the last lines of every pod."""
    print(release.kubectl("get", "all,pvc", "--output=wide"), file=sys.stderr)
    print(release.kubectl("get", "events", "--sort-by=.lastTimestamp"), file=sys.stderr)
    for pod in release.kubectl("get", "pods", "--output=name").split():
        words = ("logs", pod, "--all-containers", "--prefix", "--tail=60", "--ignore-errors")
        with suppress(AssertionError):  # it may be gone by now
            print(release.kubectl(*words), file=sys.stderr)
