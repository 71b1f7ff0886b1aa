"""A small cluster's API, and pods that are the real service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from casa.database import open_database
from casa.migration import migrate
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.rollout.cluster import Cluster
from casa.rollout.diary import Diary
from casa.rollout.line import Dial, Line
from casa.rollout.lock import Clock, Lock
from casa.rollout.release import Release
from casa.rollout.watch import Limits, Watch
from casa.schema import AUDIT
from casa.settings import Settings
from tests.live import Live, live
from tests.rollout.api import Api, served

OLD = "0123456789ab"


@pytest.fixture
def api() -> Api:
    """A Deployment that serves OLD."""
    return Api(OLD)


@pytest.fixture
def cluster(api: Api) -> Iterator[Cluster]:
    """Its API, as the official client sees it."""
    with served(api) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def pod(store_home: Path) -> Iterator[Live]:
    """A pod of the new version: the real service."""
    with live(store_home) as service:
        yield service


@pytest.fixture
def dial(pod: Live) -> Dial:
    """A connection to that service, whatever the pod's name."""
    return lambda _: HTTPConnection("127.0.0.1", int(urlsplit(pod.address).port or 0), timeout=10)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database of this test's own."""
    engine = open_database(Settings(data_dir=tmp_path / "data"))
    migrate(engine)
    yield engine
    engine.dispose()


class Desk:
    """A Release on the small cluster, and what it left behind."""

    def __init__(self, cluster: Cluster, saved: Bundle, *, dial: Dial, key: str, engine: Engine) -> None:
        self.cluster = cluster
        self.saved = saved
        self.engine = engine
        self.dial = dial
        self.key = key
        self.said: list[str] = []
        self.lock = Lock(cluster, "casa-retrain", holder="me")

    def release(self, *, tell: Callable[[str], None] | None = None, seconds: float = 0.2, calls: int = 20) -> Release:
        call = partial(Line, dial=self.dial, key=self.key)
        watch = Watch(self.cluster, "casa", call=call, limits=Limits(seconds, calls), clock=Clock())
        diary = Diary(self.engine, self.cluster, actor="test")
        told = tell or self.said.append
        supply = lambda _: self.saved  # noqa: E731
        return Release(self.cluster, "casa", lock=self.lock, watch=watch, supply=supply, diary=diary, tell=told)

    def to(self, version: str = "") -> None:
        with self.lock.held():
            self.release().to(version or self.saved.version)

    def undo(self) -> str:
        with self.lock.held():
            return self.release().undo()

    @property
    def audit(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(AUDIT.c.action).order_by(AUDIT.c.id)).scalars())


@pytest.fixture
def desk(cluster: Cluster, saved: Bundle, dial: Dial, pod: Live, engine: Engine) -> Desk:
    """A Release whose new pods are the real service."""
    return Desk(cluster, saved, dial=dial, key=pod.key, engine=engine)


@pytest.fixture
def spoilt(saved: Bundle) -> Bundle:
    """The same version with golden prices that its pods do not give."""
    golden = json.loads(saved.files[bundle.GOLDEN])
    golden[0]["price"] += 0.01
    return replace(saved, files={**saved.files, bundle.GOLDEN: json.dumps(golden).encode()})
