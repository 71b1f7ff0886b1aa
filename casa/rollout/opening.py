"""Opens what a rollout needs, as the settings say."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from casa.database import open_database
from casa.errors import RolloutFailed
from casa.migration import migrate
from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.shelf import Shelf
from casa.model.store import Store, open_store
from casa.model.supply import open_sources, pull
from casa.rollout.cluster import Cluster, in_cluster, open_cluster
from casa.rollout.diary import Diary
from casa.rollout.line import Dial, Line, dial_by
from casa.rollout.lock import Clock, Lock
from casa.rollout.release import Release, Tell
from casa.rollout.watch import Limits, Watch
from casa.settings import Settings

LEASE_SUFFIX = "-retrain"
"""The Lease's name is the Deployment's with this: a retraining and a rollout exclude each other."""


@dataclass(frozen=True)
class Place:
    """A Deployment in a cluster, with all that changing its model takes."""

    cluster: Cluster
    name: str
    lock: Lock
    release: Release
    diary: Diary
    dial: Dial


@contextmanager
def open_place(settings: Settings, *, tell: Tell, actor: str) -> Iterator[Place]:
    """The Deployment that the settings name; ClusterUnavailable or DatabaseUnavailable if it cannot be reached."""
    cluster, name = open_cluster(settings.namespace), settings.deployment
    with ExitStack() as stack:
        engine = open_database(settings, synced=True)
        stack.callback(engine.dispose)
        lock = Lock(cluster, name + LEASE_SUFFIX, holder=holder(), owner=name)
        dial, diary = dial_by(cluster), Diary(engine, cluster, actor=actor)
        call = partial(Line, dial=dial, key=os.environ.get("CASA_API_KEY", ""))
        limits = Limits(settings.watch_seconds, settings.watch_calls)
        watch = Watch(cluster, name, call=call, limits=limits, clock=Clock())
        supply = partial(shelve, store=open_store(), settings=settings, engine=engine, tell=tell)
        release = Release(cluster, name, lock=lock, watch=watch, supply=supply, diary=diary, tell=tell)
        yield Place(cluster, name, lock, release, diary, dial)


def shelve(version: str, *, store: Store, settings: Settings, engine: Engine, tell: Tell) -> Bundle:
    """A version's bundle, put on the shelf, where new pods find it while MLflow is away."""
    if not os.environ.get("CASA_API_KEY"):
        raise RolloutFailed("the new pods are asked for golden predictions: set CASA_API_KEY to a key of theirs")
    saved = fetch(version, store=store, settings=settings, tell=tell)
    migrate(engine)
    shelf = Shelf(engine)
    if not shelf.has(version):
        shelf.put(store.find(version))
    return saved


def fetch(version: str, *, store: Store, settings: Settings, tell: Tell) -> Bundle:
    """A version's bundle: from the store, else the image, else MLflow or the shelf; it is in the store afterwards."""
    if not store.is_whole(version) and not _copy(version, settings.baked_home, store=store):
        with open_sources(settings) as sources:
            pull(version, sources, store=store, tell=tell)
    return bundle.load(store.find(version), expect=version)


def _copy(version: str, home: Path | None, *, store: Store) -> bool:
    image = Store(home) if home else None
    if image is None or not image.is_whole(version):
        return False
    return bool(store.save(image.find(version)))


def holder() -> str:
    """Who holds the Lease: this pod, whose container may be started again, or this very process elsewhere."""
    return socket.gethostname() + ("" if in_cluster() else f"-{os.getpid()}")
