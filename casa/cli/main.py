"""The command `casa`: what it offers, and how it ends when something goes wrong."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from casa.cli import (
    ask,
    console,
    doctor,
    drain,
    drift,
    journal,
    keys,
    models,
    monitoring,
    predict,
    retrain,
    rollout,
    score,
    serve,
    train,
)
from casa.errors import CasaError


class Casa(TyperGroup):
    """All commands. A CasaError in any of them, or an extra that is not installed, is one sentence and exit code 1."""

    def invoke(self, ctx: Any) -> Any:  # as typer's own copy of click has it
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is expected, and not when Python ends
        except CasaError as error:
            _fail(str(error))
        except ModuleNotFoundError as error:
            if str(error.name).startswith("casa"):
                raise
            extras = "cluster" if str(error.name).startswith("kubernetes") else "serve,train"
            # No index has Casa: what it would give by that name is another's.
            _fail(f"this needs the package {error.name}: `make setup` in the project, or its wheel with [{extras}]")
        except MemoryError:
            _fail("there is not enough memory: `casa score` needs the least")
        return result


def _fail(sentence: str) -> NoReturn:
    console.say(f"casa: {sentence}")
    raise typer.Exit(1)


app = typer.Typer(
    cls=Casa,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        console.answer(f"casa {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("casa")
    except metadata.PackageNotFoundError:
        return "from source, not installed"


@app.callback()
def casa(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Price houses: train a model, serve it, and use it from the shell.

    Example: casa predict houses.csv
    """


for command in (
    serve.serve,
    ask.ask,
    drain.drain,
    drift.drift,
    monitoring.monitoring,
    train.train,
    retrain.retrain,
    predict.predict,
    score.score,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(journal.app, name="journal")
app.add_typer(rollout.app, name="rollout")


def main() -> None:
    """Run `casa` as the shell's arguments say."""
    signal.signal(signal.SIGTERM, _stop)
    app()


def _stop(*_: object) -> None:
    # An exception, so that whatever is half-written is taken back.
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
