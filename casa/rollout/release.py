"""Rolls a model out over a Deployment's pods, watches it there, and takes it back if it does not hold."""

from __future__ import annotations

from collections.abc import Callable

from casa.errors import CasaError, RolloutFailed, Superseded
from casa.model.bundle import Bundle
from casa.rollout.cluster import Cluster, Json, Operation
from casa.rollout.deployment import CAUSE, Deployment, cause, pinned, steps
from casa.rollout.diary import Diary
from casa.rollout.golden import Golden, read_golden
from casa.rollout.history import previous
from casa.rollout.lock import Lock
from casa.rollout.state import ANNOTATION, Phase, State, running
from casa.rollout.watch import Watch

Tell = Callable[[str], None]
Supply = Callable[[str], Bundle]
"""Gives a version's bundle, and sees to it that new pods will find it; a CasaError if there is none."""


class Release:
    """One Deployment's model. Whatever is done here is done while its lock is held.

    Each step is written to the Deployment before the next begins: a run that was killed is gone on with by the next.
    """

    def __init__(
        self, cluster: Cluster, name: str, *, lock: Lock, watch: Watch, supply: Supply, diary: Diary, tell: Tell
    ) -> None:
        self._cluster = cluster
        self._name = name
        self._lock = lock
        self._watch = watch
        self._supply = supply
        self._diary = diary
        self._tell = tell

    def to(self, version: str) -> None:
        """Serve this version, if it holds; else the last one again, and RolloutFailed says why."""
        saved = self._supply(version)
        deployment = self._read()
        state = running(deployment)
        if state and state.phase == "undoing":
            self._take_back(state)
            if state.to == version:
                raise RolloutFailed(f"model {version} was taken back: {state.reason}")
        elif state is None and deployment.version == version:
            self._tell(f"model {version} is served already")
            return
        self._roll(version, read_golden(saved))

    def finish(self) -> None:
        """Bring to its end what another run began and did not; RolloutFailed if the model does not hold."""
        state = running(self._read())
        if state is None:
            return
        self._tell(f"going on with a rollout to model {state.to or 'of the image'} that was interrupted")
        if state.phase == "undoing":
            self._take_back(state)
        elif state.to:
            self.to(state.to)
        else:
            self._settle(state)

    def undo(self) -> str:
        """Serve what was served before; returns its version. NotFound if there is nothing before."""
        deployment = self._read()
        state = running(deployment)
        if state and state.phase != "undoing":
            self._take_back(state.model_copy(update={"phase": "undoing", "reason": "undone by hand"}))
            return state.before
        if state:
            self._take_back(state)
            return state.before
        return self._step_back(deployment)

    def _roll(self, version: str, golden: Golden) -> None:
        state = self._begin(version)
        try:
            self._watch.wait(version, tell=self._tell)
            self._mark(state, "watching")
            self._watch.ask(version, golden)
            self._watch.keep_watch(version, golden, tell=self._tell, check=self._lock.check)
            self._watch.wait(version, tell=self._tell)
        except Superseded as error:
            self._note("rollout superseded", state, reason=str(error))
            raise
        except RolloutFailed as error:
            self._take_back(state.model_copy(update={"phase": "undoing", "reason": str(error)}))
            raise RolloutFailed(f"model {version} was taken back: {error}") from error
        self._mark(state, "held")
        self._note("rollout held", state)

    def _begin(self, version: str) -> State:
        """Pin the version in the template, with a note of where we come from; nothing if that was done before."""
        found = self._change(lambda deployment: _beginning(deployment, version))
        state = running(Deployment(found))
        if state is None:
            raise Superseded(f"deployment {self._name} was changed by others in this very moment; run this again")
        self._note("rollout begun", state)
        return state

    def _take_back(self, state: State) -> None:
        """Put the last version that held back into the template, and wait for it."""
        self._tell(f"taking model {state.to or 'of the image'} back: {state.reason}")
        self._change(lambda deployment: _pinning(deployment, state))
        try:
            self._watch.wait(state.before, tell=self._tell, proven=True)
        except RolloutFailed as error:
            raise RolloutFailed(f"{state.reason}; and the model before it does not come up: {error}") from error
        self._mark(state, "undone")
        self._note("rollout undone", state, reason=state.reason)

    def _step_back(self, deployment: Deployment) -> str:
        """To the revision before the present one, as `kubectl rollout undo`, whatever else it changed."""
        revision = previous(deployment, self._cluster.replica_sets(deployment.selector))
        state = State(before=deployment.version, to=revision.version, phase="rolling")
        notes = {**deployment.annotations, CAUSE: revision.cause or cause(revision.version), ANNOTATION: state.write()}
        self._change(lambda now: steps(template=revision.template, annotations=notes) if _same(now, deployment) else [])
        self._settle(state)
        return revision.version

    def _settle(self, state: State) -> None:
        """Wait for a step back; it has held before, so it is not watched."""
        self._watch.wait(state.to, tell=self._tell, proven=True)
        self._mark(state, "held")
        self._note("rollout held", state, reason="undone by hand")

    def _mark(self, state: State, phase: Phase) -> None:
        marked = state.model_copy(update={"phase": phase})
        self._change(lambda deployment: _marking(deployment, marked))

    def _change(self, change: Callable[[Deployment], list[Operation]]) -> Json:
        self._lock.check()
        return self._cluster.change_deployment(self._name, lambda found: change(Deployment(found)))

    def _note(self, action: str, state: State, *, reason: str = "") -> None:
        told = {"reason": reason} if reason else {}
        try:
            found: Json | None = self._cluster.deployment(self._name)
        except CasaError:
            found = None
        self._diary.note(
            action, state.to or "of the image", deployment=found, before=state.before or "of the image", **told
        )

    def _read(self) -> Deployment:
        deployment = Deployment(self._cluster.deployment(self._name))
        if deployment.paused or not deployment.replicas:
            sentence = "is paused" if deployment.paused else "has no pods"
            raise RolloutFailed(f"deployment {self._name} {sentence}: nothing can be rolled out there")
        return deployment


def _beginning(deployment: Deployment, version: str) -> list[Operation]:
    """Pin `version`; where another rollout had begun, the way back leads to where that one came from."""
    now = running(deployment)
    if now and now.to == version and now.phase != "undoing":
        return []
    before = now.before if now else deployment.version
    return _pinning(deployment, State(before=before, to=version, phase="rolling"))


def _pinning(deployment: Deployment, state: State) -> list[Operation]:
    """Pin the version that the state's phase asks for."""
    notes = {**deployment.annotations, CAUSE: cause(state.pinned), ANNOTATION: state.write()}
    return steps(template=pinned(deployment.template, state.pinned), annotations=notes)


def _marking(deployment: Deployment, state: State) -> list[Operation]:
    """Note the phase, unless others have changed the template meanwhile."""
    if deployment.version != state.pinned:
        return []
    return steps(template=None, annotations={**deployment.annotations, ANNOTATION: state.write()})


def _same(now: Deployment, before: Deployment) -> bool:
    return now.revision == before.revision
