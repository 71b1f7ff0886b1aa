"""Opens what a retraining works with, as the settings say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casa.database import open_database
from casa.errors import CasaError, ClusterUnavailable
from casa.migration import migrate
from casa.model.registry import Registry, tracking_uri
from casa.model.store import Store, open_store
from casa.rollout.diary import Diary
from casa.settings import Settings
from pipeline.retrain import Outcome, Retraining, Site
from pipeline.site import MachineSite, alone
from pipeline.workspace import Workspace, find_project

FOLDER = "retrain"
REPORT = "retrain.md"

Tell = Callable[[str], None]
Find = Callable[[], dict[str, Any] | None]


@dataclass(frozen=True)
class Wish:
    """What a caller asked for."""

    knobs: Sequence[str]
    rollout: bool
    dry_run: bool


@dataclass(frozen=True)
class Opened:
    """A retraining, and where its outcome is told."""

    retraining: Retraining
    diary: Diary
    settings: Settings
    find: Find
    """The Deployment, where there is one."""

    def note(self, action: str, version: str, reason: str) -> None:
        """Into the audit and, on a cluster, beside the Deployment."""
        try:
            found = self.find()
        except CasaError:  # the audit gets it all the same
            found = None
        self.diary.note(f"retrain {action}", version, deployment=found, reason=reason)

    def keep(self, outcome: Outcome) -> Path:
        """The report as a file."""
        path = self.settings.data_dir / REPORT
        path.write_text(outcome.report, encoding="utf-8")
        return path


@contextmanager
def open_retraining(
    settings: Settings, wish: Wish, *, repro: Callable[[Path], None], tell: Tell, actor: str
) -> Iterator[Opened]:
    """Alone on its Deployment, or on this machine where there is none; LockTaken if another is at work."""
    project, store = find_project(), open_store()
    uri = tracking_uri(project)
    os.environ["MLFLOW_TRACKING_URI"] = uri  # the pipeline runs in a folder of its own
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    models = Registry(uri)
    with ExitStack() as stack:
        engine = open_database(settings, synced=True)
        stack.callback(engine.dispose)
        migrate(engine)
        site, diary, found = stack.enter_context(
            _site(settings, wish, store=store, models=models, tell=tell, actor=actor)
        )
        workspace = Workspace(settings.data_dir / FOLDER, project, changes=wish.knobs)
        retraining = Retraining(settings, site, workspace, project, engine, store, models, repro=repro, tell=tell)
        yield Opened(retraining, diary or Diary(engine, None, actor=actor), settings, found)


@contextmanager
def _site(
    settings: Settings, wish: Wish, *, store: Store, models: Registry, tell: Tell, actor: str
) -> Iterator[tuple[Site, Diary | None, Find]]:
    if not (wish.rollout and _has_cluster(settings)):
        tell("no cluster is configured: a better model becomes the champion, and nothing is rolled out")
        with nullcontext() if wish.dry_run else alone(settings.data_dir):
            image = Store(settings.baked_home) if settings.baked_home else None
            yield MachineSite(store, models, image=image), None, lambda: None
        return
    from casa.rollout.opening import open_place
    from casa.rollout.site import ClusterSite

    with open_place(settings, tell=tell, actor=actor) as place, nullcontext() if wish.dry_run else place.lock.held():
        site = ClusterSite(place, store=store, settings=settings, models=models, tell=tell)
        yield site, place.diary, lambda: place.cluster.deployment(place.name)


def _has_cluster(settings: Settings) -> bool:
    try:
        from casa.rollout.cluster import open_cluster

        open_cluster(settings.namespace)
    except (ModuleNotFoundError, ClusterUnavailable):  # neither the client nor a cluster: a laptop
        return False
    return True
