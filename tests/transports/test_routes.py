import re
from html.parser import HTMLParser
from typing import Any

import pytest

from casa.house import HOUSE
from casa.model import bundle
from casa.transports.calls import CALLS
from casa.transports.openapi import OPERATIONS, document
from casa.transports.operations import Operation
from casa.transports.protocol import ACTIONS, ROOT, Protocol, is_open, owns
from casa.transports.routes import LOCKED, MONITORING, PAGES, PROGRAMS, ROUTES
from casa.transports.schema import Health, ModelFacts, Status
from tests.transports.caller import Caller

BENTOML = ["/schema.json", "/static_content/main.css", "/healthz", "/metrics/", "/predict/", "/docs.json/", "/%2e"]


@pytest.mark.parametrize("path", BENTOML)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nothing_of_bentoml_can_be_reached(hot: Caller, path: str, method: str) -> None:
    assert hot.get(path, method=method).status_code == 404


def test_health_tells_what_is_served(hot: Caller) -> None:
    health = Health.model_validate(hot.get("/health").json(), strict=True)
    assert (health.status, health.model_name, health.model_version) == ("ok", "casa", hot.app.serving.bundle.version)
    assert health.uptime_seconds >= 0


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered(hot: Caller, path: str) -> None:
    answer = hot.get(path)
    assert answer.status_code == 200
    assert Status.model_validate(answer.json())


def test_the_model_says_where_it_comes_from(hot: Caller) -> None:
    facts = ModelFacts.model_validate(hot.get("/model").json(), strict=True)
    assert [feature.name for feature in facts.features] == list(HOUSE.names)
    assert (facts.version, facts.metrics["test"], facts.lineage) == (
        hot.app.serving.bundle.version,
        {"rmse": {"value": 3.0}},
        {},
    )
    assert facts.card.startswith("# ")


@pytest.mark.parametrize("path", ROUTES)
def test_a_head_is_a_get_without_its_body(hot: Caller, path: str) -> None:
    got, head = hot.get(path), hot.get(path, method="HEAD")
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", [*ROUTES, *CALLS])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_is_405(hot: Caller, path: str, method: str) -> None:
    answer = hot.get(path, method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST" if path in CALLS else "GET, HEAD")


@pytest.mark.parametrize("path", [*ROUTES, "/nowhere"])
def test_no_answer_is_kept_guessed_at_or_framed(hot: Caller, path: str) -> None:
    headers = hot.get(path).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_no_answer_says_what_it_is_made_with(caller: Caller) -> None:
    for answer in (caller.predict(), caller.predict(RM=0), caller.get("/health"), caller.get("/nowhere")):
        assert not {name for name in answer.headers if name == "server" or "bento" in name or "powered" in name}


def test_every_route_is_described_and_no_other() -> None:
    assert {operation.path for operation in OPERATIONS} == {*ROUTES, *CALLS, *inference_paths()}


def inference_paths() -> set[str]:
    """What the Open Inference Protocol answers, as OpenAPI writes it."""
    models = (f"{ROOT}/models/{bundle.NAME}{version}" for version in ("", "/versions/{version}"))
    asked = {f"{model}{action}" for model in models for action in ("", *(f"/{name}" for name in ACTIONS))}
    return asked | {path.rstrip("/") for path in Protocol()._routes}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
def test_the_scope_of_a_route_is_told(operation: Operation) -> None:
    routes = [table[operation.path] for table in (ROUTES, PAGES, PROGRAMS) if operation.path in table]
    needed = {LOCKED.get(route) or MONITORING.get(route) for route in routes}
    if operation.path in CALLS:
        needed = {CALLS[operation.path].scope}
    if owns(operation.path):
        needed = {None if is_open(operation.path) else "predict"}
    assert {operation.scope} == (needed - {None} or {None})
    assert bool(operation.unlocked) == (len(needed) > 1 or MONITORING.keys() >= set(routes) > set())


def example(path: str) -> Any:
    return document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]


def test_the_examples_are_accepted(caller: Caller) -> None:
    request_id = example("/feedback")["request_id"]
    for path in CALLS:
        assert caller.post(path, example(path), x_request_id=request_id).status_code == 200


def test_the_rows_of_a_batch_are_described_as_houses() -> None:
    rows = document()["components"]["schemas"]["Houses"]["properties"]["instances"]["items"]
    assert rows == {"$ref": "#/components/schemas/House"}


class Links(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loads = [value for name, value in attrs if name in ("src", "srcset", "action") or name.startswith("on")]
        self.found += [tag] * (tag in ("script", "link", "iframe", "img")) + [value or "" for value in loads]


def test_the_page_loads_and_runs_nothing(hot: Caller) -> None:
    page, links = hot.get("/docs"), Links()
    links.feed(page.text)
    assert links.found == []
    assert "script-src" not in page.headers["content-security-policy"]


def test_the_page_names_every_route_and_shape(hot: Caller) -> None:
    page = hot.get("/docs").text
    assert all(f"{operation.path}</code>" in page for operation in OPERATIONS)
    anchors = set(re.findall(r'id="(\w+)"', page))
    assert set(re.findall(r'href="#(\w+)"', page)) <= anchors == set(document()["components"]["schemas"])


def test_calls_are_counted_under_few_names(hot: Caller) -> None:
    for path in ("/predict", "/no/such/thing", "/v2/models/casa/infer", "/v2/what/else"):
        hot.post(path, {})
    shown = hot.get("/metrics").text
    for route, status in (("/predict", 422), ("other", 404), ("/v2/infer", 400), ("/v2", 404)):
        assert f'casa_requests_total{{route="{route}",status="{status}"}}' in shown
    assert "/no/such" not in shown
