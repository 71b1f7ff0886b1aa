"""From new data to a new model and, if it is better, to a served one: what `casa retrain` does.

Each step leaves behind what the next run needs to go on from it, so that a run may be killed anywhere: an unfinished
rollout is finished first, MLflow's champion follows what is served, and a model that is known is not registered again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
from pandas import DataFrame
from sqlalchemy import Engine

from casa.model import bundle, registry
from casa.model.comparison import Mask
from casa.model.promotion import Decision, Deploy, promote
from casa.model.registry import Registry, answering
from casa.model.store import Store
from casa.settings import Settings
from pipeline import tracking
from pipeline.ingest import fetch
from pipeline.labels import Labels, choose, read_feedback
from pipeline.prepare import uniform_hash
from pipeline.register import enrol
from pipeline.train import Rows, read_rows
from pipeline.workspace import Workspace

Result = Literal["promoted", "kept", "unchanged", "undone"]
"""`kept`: the champion stays, the new model is the challenger; `unchanged`: the pipeline made the champion again;
`undone`: the new model was better, and did not hold where it was served."""


class Outcome(NamedTuple):
    """What came of a retraining."""

    result: Result
    version: str
    reason: str
    report: str
    """Markdown."""


class Site(Protocol):
    """Where models are served, if anywhere."""

    @property
    def deploy(self) -> Deploy | None:
        """How a version is served; None where there is nothing to serve it."""

    def champion(self) -> str | None:
        """The version that is served, or None if there is none yet."""

    def settle(self) -> None:
        """Finish what an earlier run began."""

    def bring(self, version: str) -> None:
        """See to it that a served version is in the store; NotFound if it is nowhere."""

    def follow(self) -> None:
        """Let MLflow's champion be what is served."""

    def refusal(self, version: str) -> str | None:
        """Why this version was taken back the last time, if it was."""


@dataclass(frozen=True)
class Retraining:
    """What a retraining works with."""

    settings: Settings
    site: Site
    workspace: Workspace
    project: Path
    engine: Engine
    store: Store
    models: Registry
    repro: Callable[[Path], None]
    """Runs the pipeline in a folder."""
    tell: Callable[[str], None]

    def run(self) -> Outcome:
        """All of it."""
        champion = self.settle()
        labels = self.gather()
        self.tell("running the pipeline")
        self.repro(self.workspace.folder)
        version = bundle.load(self.workspace.folder / "artifacts/bundle").version
        if self.models.alias(registry.CHALLENGER) != version and version != champion:
            self.models.name(registry.CHALLENGER, version, reason="made by a retraining")
        decision = self.judge(version, champion, labels)
        result = _result(decision, version, champion)
        return Outcome(result, version, decision.reason, report(result, version, champion, decision, labels))

    def settle(self) -> str | None:
        """Bring to its end what was begun; the champion is what is served, in the store and in MLflow, too."""
        self.tell("settling what an earlier run may have left")
        self.site.settle()
        champion = self.site.champion()
        if champion is None:
            return None
        self.site.bring(champion)
        self.store.crown(champion)
        with answering(self.models.uri):
            tracking.connect(self.project)
            enrol(champion, self.store.find(champion), models=self.models)
        self.site.follow()
        return champion

    def gather(self) -> Labels:
        """Give the pipeline its table: the source's rows, and those that feedback confirmed."""
        self.tell("fetching the table and the feedback")
        base, labels = self.look()
        if len(labels.rows):
            self.workspace.give(pd.concat([base, labels.rows], ignore_index=True))
        elif self.workspace.params.ingest.source == "csv":
            self.workspace.give(base)  # a file beside the project, which the workspace does not hold
        return labels

    def look(self) -> tuple[DataFrame, Labels]:
        """The source's rows, and what feedback would add to them."""
        params, days = self.workspace.params, self.settings.retrain_feedback_days
        base = fetch(params.ingest, self.project)
        since = datetime.now(UTC) - timedelta(days=days)
        feedback = read_feedback(self.engine, since=since)
        return base, choose(feedback, base, share=self.settings.retrain_client_share, knobs=params.prepare)

    def judge(self, version: str, champion: str | None, labels: Labels) -> Decision:
        """Promote the new model if it is better; deploy it first, where there is somewhere to deploy it."""
        self.tell(f"comparing model {version} with the champion")
        deploy = self.site.deploy if version != champion else None
        if deploy and (told := self.site.refusal(version)):
            return Decision(False, f"it was taken back before: {told}; `casa rollout to {version}` tries it again")
        test = read_rows(self.workspace.folder / "data/test.csv")
        return promote(
            version,
            houses=test.houses,
            prices=test.prices,
            store=self.store,
            models=self.models,
            deploy=deploy,
            groups=_origins(test, labels),
        )


def _origins(test: Rows, labels: Labels) -> Mapping[str, Mask]:
    """Held-out rows of the source and of the feedback: a gain on the one must not be paid for by the other."""
    confirmed = uniform_hash(labels.rows.to_numpy(dtype=np.float64), seed=0)
    rows = np.column_stack([test.houses, test.prices])
    told = np.isin(uniform_hash(rows, seed=0), confirmed)
    return {"from the source": ~told, "from feedback": told} if told.any() else {}


def _result(decision: Decision, version: str, champion: str | None) -> Result:
    if version == champion:
        return "unchanged"
    if decision.taken_back:
        return "undone"
    return "promoted" if decision.promoted else "kept"


def report(result: Result, version: str, champion: str | None, decision: Decision, labels: Labels) -> str:
    """What happened, in Markdown."""
    used, left = sum(labels.clients.values()), ", ".join(f"{rows} {why}" for why, rows in labels.left_out.items())
    lines = [
        f"# Retraining: {result}",
        f"Model {version}, against {champion or 'no champion'}: {decision.reason}.",
        f"Feedback: {used} rows of {len(labels.clients)} clients; left out: {left}.",
    ]
    tables = ["\n".join(_tables(decision.figures))] if decision.figures else []
    return "\n\n".join([*lines, *tables]) + "\n"


def _tables(figures: Mapping[str, Any]) -> list[str]:
    intervals = figures["intervals"]
    rows = [("all houses", figures["rows"], figures["rmse"], figures["champion_rmse"])]
    rows += [(one["group"], one["rows"], one["rmse"], one["champion_rmse"]) for one in figures["groups"]]
    held = f"{intervals['coverage']:.1%} of prices at a width of {intervals['width']:.2f}"
    before = f"{intervals['champion_coverage']:.1%} at {intervals['champion_width']:.2f}"
    table = [f"| {name} | {count} | {new:.3f} | {old:.3f} |" for name, count, new, old in rows]
    objections = [f"- {objection}" for objection in figures["objections"]]
    head = ["| houses | rows | RMSE | champion's |", "|---|---|---|---|"]
    return [*head, *table, "", f"Intervals hold {held}; the champion's {before}.", *objections]
