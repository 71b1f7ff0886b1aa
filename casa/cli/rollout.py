"""`casa rollout`: a model onto Kubernetes, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casa.cli import console
from casa.cli.actor import actor
from casa.cli.pull import twelve_digits
from casa.errors import SourceUnavailable
from casa.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.table import Table

    from casa.model.registry import Registry
    from casa.rollout.opening import Place

app = typer.Typer(help="Roll a model out on Kubernetes, watch it, and take it back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSON, also on a terminal.")]
Seconds = Annotated[
    float | None, typer.Option("--watch-seconds", min=1, help="How long the new pods are watched. [CASA_WATCH_SECONDS]")
]


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show which model the pods serve, whether a rollout runs, and the revisions before.

    Example: casa rollout status
    """
    from casa.rollout.opening import LEASE_SUFFIX
    from casa.rollout.standing import standing

    with _place(load_settings()) as place:
        found = standing(place.cluster, place.name, lease=place.name + LEASE_SUFFIX, dial=place.dial)
    models = _registry()
    found["alias"] = models and models.alias("champion")
    if as_json or not console.is_terminal():
        console.answer(json.dumps(found, indent=2))
    else:
        console.answer(_sentences(found))
        console.stdout().print(_table(found))


@app.command()
def to(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its twelve digits.", callback=twelve_digits)],
    *,
    watch_seconds: Seconds = None,
) -> None:
    """Serve this model on Kubernetes; if it does not hold, the one before it serves again and the exit code is 1.

    Run it again after it was interrupted: it goes on where it was. CASA_API_KEY opens the pods' golden predictions.

    Example: casa rollout to 3f2a9c01b7de
    """
    settings = _settings(watch_seconds)
    with _place(settings) as place, place.lock.held():
        place.release.to(version)
        _follow(place)
    console.answer(f"deployment {settings.deployment} serves model {version}")


@app.command()
def undo() -> None:
    """Serve what was served before, as `kubectl rollout undo` would; a rollout that was interrupted is undone.

    Example: casa rollout undo
    """
    settings = load_settings()
    with _place(settings) as place, place.lock.held():
        version = place.release.undo()
        _follow(place)
    console.answer(f"deployment {settings.deployment} serves model {version or 'of the image'} again")


@contextmanager
def _place(settings: Settings) -> Iterator[Place]:
    from casa.rollout.opening import open_place

    with console.told() as tell, open_place(settings, tell=tell, actor=actor()) as place:
        yield place


def _settings(watch_seconds: float | None) -> Settings:
    settings = load_settings()
    return settings if watch_seconds is None else settings.model_copy(update={"watch_seconds": watch_seconds})


def _registry() -> Registry | None:
    """MLflow's registry, if one is named."""
    from casa.model.registry import Registry

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    return Registry(uri) if uri else None


def _follow(place: Place) -> None:
    """Let MLflow's champion be what is served; the next retraining does it if MLflow is away."""
    from casa.rollout.alias import follow

    try:
        follow(place, _registry())
    except SourceUnavailable as error:
        console.say(f"the alias champion stays where it is until the next `casa retrain`: {error}")


def _table(found: Mapping[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("revision", "version", "", box=SIMPLE_HEAD)
    for one in found["history"]:
        table.add_row(str(one["revision"]), one["version"] or "of the image", one["cause"])
    return table


def _sentences(found: Mapping[str, Any]) -> str:
    pods, begun = found["pods"], found["rollout"]
    lines = [
        f"{found['namespace']}/{found['deployment']} serves model {found['version'] or 'of the image'}",
        f"{pods['ready']} of {pods['wanted']} pods are ready; {found['progress']}",
        f"MLflow's champion is {found['alias'] or 'not known'}",
    ]
    if begun:
        whose = f", by {found['holder']}" if found["holder"] else ", interrupted: `casa rollout to` goes on with it"
        lines.append(f"a rollout to model {begun['to'] or 'of the image'} is {begun['phase']}{whose}")
    return "\n".join(lines)
