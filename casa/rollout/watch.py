"""Watches a rollout: until its pods are there, then whether they do well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from casa.errors import ClusterUnavailable, PodUnavailable, RolloutFailed, Superseded
from casa.rollout.cluster import Cluster, Json
from casa.rollout.deployment import Deployment
from casa.rollout.golden import Golden
from casa.rollout.line import Line
from casa.rollout.lock import Clock
from casa.rollout.pods import is_ready, serving, troubles
from casa.rollout.traffic import Traffic

LOOK_SECONDS = 5
GRACE_SECONDS = 60
"""How much longer than its deadline a Deployment may stand still: its controller may be away."""
MOST_MISSES = 3
"""How often in a row a pod may not answer."""
MOST_WAITS = 3
"""How many times `seconds` are waited for calls enough."""


class Limits(NamedTuple):
    """How long the new pods are watched, and how many calls are looked at."""

    seconds: float
    calls: int


class Watch:
    """Looks at one Deployment; RolloutFailed says what is wrong, Superseded that others have changed it."""

    def __init__(
        self, cluster: Cluster, name: str, *, call: Callable[[Json], Line], limits: Limits, clock: Clock
    ) -> None:
        self._cluster = cluster
        self._name = name
        self._call = call
        self._limits = limits
        self._clock = clock
        self._misses: dict[str, int] = {}

    def wait(self, version: str, *, tell: Callable[[str], None], proven: bool = False) -> None:
        """Until all pods are there and have the version. One that is `proven` may have a pod that fell and rose."""
        told = ""
        for deployment in self._views():
            _insist(deployment, version)
            progress = deployment.progress()
            if progress.sentence != told:
                tell(told := progress.sentence)
            if progress.failed:
                raise RolloutFailed(progress.sentence)
            if not proven:
                self._pods(deployment, version)
            if progress.done:
                return
        raise RolloutFailed(f"the rollout does not end: {told}")

    def ask(self, version: str, golden: Golden) -> None:
        """Each new pod for all golden predictions."""
        deployment = Deployment(self._cluster.deployment(self._name))
        for pod in self._pods(deployment, version):
            while not self._answers(pod, golden, calls=len(golden)):
                self._clock.wait(1.0)

    def keep_watch(
        self, version: str, golden: Golden, *, tell: Callable[[str], None], check: Callable[[], None]
    ) -> None:
        """For `limits.seconds` and `limits.calls`; where callers make too few, golden houses are asked for."""
        traffic, began = Traffic(least=self._limits.calls), self._clock.monotonic()
        while True:
            check()
            deployment = Deployment(self._cluster.deployment(self._name))
            _insist(deployment, version)
            pods = self._pods(deployment, version)
            self._count(pods, traffic)
            passed = self._clock.monotonic() - began
            tell(f"{passed:.0f} of {self._limits.seconds:.0f} s watched: {traffic}")
            if passed >= self._limits.seconds and traffic.enough:
                return
            if passed >= self._limits.seconds * MOST_WAITS + GRACE_SECONDS:
                raise RolloutFailed(f"only {traffic.calls} of {traffic.least} calls were made in {passed:.0f} s")
            self._fill(pods, traffic, golden, passed=passed)
            self._clock.wait(min(LOOK_SECONDS, max(self._limits.seconds / 10, 0.1)))

    def _views(self) -> Iterator[Deployment]:
        """The Deployment now and after each change, at least every few seconds, until it stands still for long."""
        seen, end = set[str](), 0.0
        while True:
            deployment = Deployment(self._cluster.deployment(self._name))
            if (sentence := deployment.progress().sentence) not in seen:
                seen.add(sentence)
                end = self._clock.monotonic() + deployment.deadline_seconds + GRACE_SECONDS
            elif self._clock.monotonic() > end:
                return
            yield deployment
            yield from self._changes(deployment)

    def _changes(self, deployment: Deployment) -> Iterator[Deployment]:
        try:
            for found in self._cluster.watch_deployment(deployment.found, seconds=LOOK_SECONDS):
                yield Deployment(found)
        except ClusterUnavailable:  # cut, or the changes since are forgotten: read again
            self._clock.wait(1.0)

    def _pods(self, deployment: Deployment, version: str) -> Sequence[Json]:
        """The new pods; RolloutFailed if there is anything wrong with one."""
        pods = serving(self._cluster.pods(deployment.selector), version)
        if found := troubles(pods):
            raise RolloutFailed(found[0])
        return pods

    def _count(self, pods: Sequence[Json], traffic: Traffic) -> None:
        for pod in filter(is_ready, pods):
            line = self._call(pod)
            try:
                traffic.see(line.name, line.requests())
            except PodUnavailable as error:
                self._miss(line, error)
            else:
                self._misses[line.name] = 0
        if traffic.spoilt:
            raise RolloutFailed(str(traffic))

    def _fill(self, pods: Sequence[Json], traffic: Traffic, golden: Golden, *, passed: float) -> None:
        share = min((passed + LOOK_SECONDS) / self._limits.seconds, 1.0)
        ready = list(filter(is_ready, pods))
        lacking = traffic.least * share - traffic.calls
        for pod in ready if lacking > 0 else ():
            self._answers(pod, golden, calls=int(lacking / len(ready)) + 1)

    def _answers(self, pod: Json, golden: Golden, *, calls: int) -> bool:
        """Does it answer? RolloutFailed if it does otherwise than it should."""
        line = self._call(pod)
        try:
            wrong = golden.ask(line, calls=calls)
        except PodUnavailable as error:
            self._miss(line, error)
            return False
        if wrong:
            raise RolloutFailed(wrong[0])
        return True

    def _miss(self, line: Line, error: PodUnavailable) -> None:
        self._misses[line.name] = self._misses.get(line.name, 0) + 1
        if self._misses[line.name] >= MOST_MISSES:
            raise RolloutFailed(str(error))


def _insist(deployment: Deployment, version: str) -> None:
    if deployment.version != version:
        raise Superseded(
            f"deployment {deployment.name} was given model {deployment.version or 'of the image'} meanwhile"
        )
