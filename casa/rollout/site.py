"""Where a retraining's models are served: a Deployment of a cluster."""

from __future__ import annotations

import structlog

from casa.errors import RolloutFailed
from casa.model.promotion import Deploy
from casa.model.registry import Registry
from casa.model.store import Store
from casa.rollout.alias import follow
from casa.rollout.deployment import Deployment
from casa.rollout.opening import Place, fetch
from casa.rollout.release import Tell
from casa.rollout.standing import served
from casa.rollout.state import read
from casa.settings import Settings


class ClusterSite:
    """A Deployment, whose lock is held all the time."""

    def __init__(self, place: Place, *, store: Store, settings: Settings, models: Registry, tell: Tell) -> None:
        self._place = place
        self._store = store
        self._settings = settings
        self._models = models
        self._tell = tell

    @property
    def deploy(self) -> Deploy:
        """As `casa rollout to`."""
        return self._place.release.to

    def settle(self) -> None:
        """Finish the rollout that an earlier run began."""
        try:
            self._place.release.finish()
        except RolloutFailed as error:  # it was taken back, and that is an end, too
            structlog.get_logger().warning("the interrupted rollout failed", reason=str(error))

    def champion(self) -> str:
        """The version that is served; RolloutFailed if no pod can tell."""
        version = served(self._read(), self._place.cluster, dial=self._place.dial)
        if version is None:
            raise RolloutFailed(f"no pod of deployment {self._place.name} is ready to say which model it serves")
        return version

    def bring(self, version: str) -> None:
        """The served version from the image, MLflow or the shelf into the store."""
        fetch(version, store=self._store, settings=self._settings, tell=self._tell)

    def follow(self) -> None:
        """Let MLflow's champion be what is served."""
        follow(self._place, self._models)

    def refusal(self, version: str) -> str | None:
        """Why this version was taken back, if it was the last one to be."""
        state = read(self._read())
        return state.reason if state and state.phase == "undone" and state.to == version else None

    def _read(self) -> Deployment:
        return Deployment(self._place.cluster.deployment(self._place.name))
