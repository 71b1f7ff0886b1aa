"""`casa retrain`: from new data to a new model and, if it is better, to a served one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casa.cli import console
from casa.cli.actor import actor
from casa.cli.repro import dvc
from casa.errors import CasaError, LockTaken
from casa.settings import load_settings

if TYPE_CHECKING:
    from pipeline.opening import Opened, Wish
    from pipeline.retrain import Outcome

QUICK = ("train.draws=10",)
UNDONE = 3
"""The exit code of a run whose model did not hold: the chart's CronJob must not run that one again."""

IfDrifted = Annotated[
    str | None, typer.Option(metavar="URL", help="Do nothing unless the service at URL says that it has drifted.")
]
Knobs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KNOB=VALUE", help="A knob of params.yaml for this run; may be repeated."),
]


def retrain(
    *,
    if_drifted: IfDrifted = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what it would do, and change nothing.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="10 draws of each search: about a minute.")] = False,
    rollout: Annotated[bool, typer.Option("--rollout/--no-rollout", help="Serve a better model on Kubernetes.")] = True,
    knobs: Knobs = None,
) -> None:
    """Train a model on what is known now, feedback included, and serve it if it is better than the champion.

    It learns from `ingest.source` of params.yaml and from feedback of the last CASA_RETRAIN_FEEDBACK_DAYS. On
    Kubernetes a better model is rolled out, watched, and taken back if it does not hold; without a cluster it becomes
    the champion. Run it again after it was interrupted: it goes on. Exit code 3: a better model did not hold.

    Example: casa retrain --if-drifted http://127.0.0.1:3000
    """
    if if_drifted and not _drifted(if_drifted):
        console.answer("nothing has drifted: no model is trained")
        return
    from pipeline.opening import Wish

    outcome = _begin(Wish([*(QUICK if quick else ()), *(knobs or ())], rollout=rollout, dry_run=dry_run))
    raise typer.Exit(exit_code(outcome))


def exit_code(outcome: Outcome | None) -> int:
    """What a run ends with, if it ends without an error."""
    return UNDONE if outcome and outcome.result == "undone" else 0


def _drifted(url: str) -> bool:
    from casa.client import Client

    with Client(url) as client:
        return client.drift().drifted


def _begin(wish: Wish) -> Outcome | None:
    from pipeline.opening import open_retraining

    try:
        with (
            console.told() as tell,
            open_retraining(load_settings(), wish, repro=_repro, tell=tell, actor=actor()) as opened,
        ):
            if not wish.dry_run:
                return _run(opened)
            _plan(opened)
    except LockTaken as error:
        console.answer(str(error))
    return None


def _run(opened: Opened) -> Outcome:
    try:
        outcome = opened.retraining.run()
    except CasaError as error:
        opened.note("failed", "none", str(error))
        raise
    opened.note(outcome.result, outcome.version, outcome.reason)
    console.answer(f"model {outcome.version}, {outcome.result}: {outcome.reason}")
    console.say(f"the report is {opened.keep(outcome)}")
    return outcome


def _plan(opened: Opened) -> None:
    run = opened.retraining
    champion, (base, labels) = run.site.champion(), run.look()
    source = run.workspace.params.ingest.source
    console.answer(f"the champion is {champion or 'not there yet'}")
    console.answer(f"the table would have {len(base)} rows of source {source} and {len(labels.rows)} of feedback")
    for client, rows in labels.clients.items():
        console.answer(f"  {rows} of client {client}")
    for why, rows in labels.left_out.items():
        console.answer(f"  {rows} left out: {why}")
    console.answer(
        "a model would be trained; a better one would " + ("be rolled out" if run.site.deploy else "be champion")
    )


def _repro(folder: Path) -> None:
    dvc("init", "--no-scm", "--quiet", folder=folder)
    dvc("repro", folder=folder, environ={"DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "site")})
