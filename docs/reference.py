"""The pages that are looked up, made of the code itself, so that they are never another's word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import create_engine

from casa import errors
from casa.cli.main import app
from casa.errors import CasaError
from casa.house import HOUSE
from casa.monitoring.gauges import Gauges
from casa.monitoring.live import LiveError
from casa.monitoring.metrics import Metrics
from casa.monitoring.milestones import Milestones
from casa.monitoring.outlook import Outlook
from casa.monitoring.reference import Reference
from casa.settings import PREFIX, Settings, sentences
from casa.transports import docs
from pipeline.card import card
from pipeline.reference import reference

PROJECT = Path(__file__).parents[1]
NOWHERE = {"data_sha256": "", "code_revision": None, "mlflow_run": None, "created": ""}
"""The lineage of the committed report: the card's last section, which is left out here."""


def http() -> str:
    """The page that the service itself shows, between a heading of this site's."""
    body = docs.page().partition("<body>")[2].partition("</body>")[0]
    calls = body.partition("<h2>")
    return (
        "# HTTP\n\nEvery running service shows this at `/docs`, and at `/docs.json` as OpenAPI. The Open Inference"
        " Protocol is under `/v2`; [gRPC](grpc.md) has a port of its own. [What errors mean](errors.md);"
        " [in five minutes](../call.md).\n\n"
        f"<div>{calls[1]}{calls[2]}</div>\n"
    )


def grpc() -> str:
    """The interface over gRPC, as its file declares it."""
    proto = (PROJECT / "casa/transports/protos/casa.proto").read_text()
    return (
        "# gRPC\n\nPort 3001. Keys travel as metadata, `x-api-key` or `authorization`. Health"
        " (`grpc.health.v1.Health`), reflection and the Open Inference Protocol (`inference.GRPCInferenceService`)"
        f" are answered, too.\n\n{fenced(proto, 'protobuf')}"
    )


def cli() -> str:
    """Every command, as its `--help` tells."""
    return (
        "# The command `casa`\n\nErrors are one sentence; the exit code is 1, and 2 for wrong usage.\n\n"
        + "\n".join(_command(words, command) for words, command in _commands(("casa",), typer.main.get_command(app)))
    )


def settings() -> str:
    """Every setting with its default and its sentence."""
    told = sentences()
    rows = [(f"`{PREFIX}{name.upper()}`", _default(name), told[name]) for name in Settings.model_fields]
    return (
        "# Settings\n\nVariables of the environment, read once at the start; a misspelt one stops it. `casa doctor`"
        f" tells what they are on a machine.\n\n{table(('setting', 'default', 'meaning'), rows)}"
    )


def values() -> str:
    """The chart's values: the table of its README, which a test holds to the chart."""
    page = (PROJECT / "helm/casa/README.md").read_text()
    listed = page.partition("<!-- values -->\n")[2].partition("<!-- end of values -->")[0]
    return f"# Values of the chart\n\nHow to use them: [Casa on Kubernetes](../kubernetes.md).\n\n{listed}"


def metrics() -> str:
    """Everything that Prometheus reads of a service."""
    rows = [(f"`{_exposed(one)}`", one.type, one.documentation) for one in families()]
    return (
        "# Metrics\n\n`/metrics` tells them. When an alert rings: [Running Casa](../operations.md#alerts).\n\n"
        f"{table(('metric', 'kind', 'meaning'), rows)}"
    )


def families() -> list[Metric]:
    """The metrics of a service that has not been asked yet."""
    many, engine = Metrics(), create_engine("sqlite://")
    column = np.array([0.0, 1.0])
    seen = reference(np.tile(column, (len(HOUSE.names), 1)).T, column, bins=2)
    told: list[Collector] = [
        Gauges(Outlook(Reference.from_dict(seen)), version="", report={}),
        LiveError(engine, version=""),
        Milestones(engine),
    ]
    for collector in told:
        many.registry.register(collector)
    return sorted(many.registry.collect(), key=lambda metric: metric.name)


def failures() -> str:
    """Every error with its codes."""
    rows = [(f"`{one.__name__}`", str(one.status), f"`{one.code}`", one.__doc__ or "") for one in _family(CasaError)]
    return (
        "# Errors\n\nOver HTTP an error is `application/problem+json` (RFC 9457), over gRPC a status with the same"
        f" sentence.\n\n{table(('error', 'HTTP', 'gRPC', 'meaning'), rows)}\n"
        f"{fenced((errors.__doc__ or '').partition(chr(10) * 2)[2], 'text')}"
    )


def model_card() -> str:
    """The card of the model that the committed report is of."""
    report = json.loads((PROJECT / "reports/metrics.json").read_text())
    told = card(report, NOWHERE).partition("## Where it comes from")[0]
    return f"{told}## Of another model\n`casa models show champion` prints the card of the one that is served.\n"


PAGES: dict[str, Callable[[], str]] = {
    "card.md": model_card,
    "reference/http.md": http,
    "reference/grpc.md": grpc,
    "reference/cli.md": cli,
    "reference/settings.md": settings,
    "reference/values.md": values,
    "reference/metrics.md": metrics,
    "reference/errors.md": failures,
}


def fenced(text: str, language: str) -> str:
    """A block of code, whatever marks it holds itself."""
    return f"~~~~{language}\n{text.rstrip()}\n~~~~\n"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    names = list(heads)
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _commands(
    words: tuple[str, ...], command: Any
) -> Iterator[tuple[tuple[str, ...], Any]]:  # click's, or typer's copy
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
    for name, one in (inner or {}).items():
        yield from _commands((*words, name), one)


def _command(words: tuple[str, ...], command: Any) -> str:
    rows = [(f"`{' '.join(one.opts)}`", one.help or "", _told(one.default)) for one in command.params]
    options = table(("argument", "meaning", "default"), rows) if rows else ""
    return f"## {' '.join(words)}\n{command.help}\n\n{options}"


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    return "made for the user" if field.default_factory else _told(field.default)


def _told(value: object) -> str:
    return "" if value is None or value is False or callable(value) else f"`{value}`"


def _exposed(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _family(error: type[CasaError]) -> Iterator[type[CasaError]]:
    yield error
    for child in error.__subclasses__():
        yield from _family(child)
