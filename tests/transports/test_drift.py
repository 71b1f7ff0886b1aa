"""Drift and metrics of a running service: what they tell, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from casa.access.key_table import KeyTable
from casa.access.pepper import keep_pepper
from casa.access.record import Grant, make_key
from casa.database import open_database
from casa.house import HOUSE
from casa.model.bundle import Bundle
from casa.transports.schema import Drift
from tests.servers import until
from tests.transports.caller import EXAMPLE, Caller
from tests.transports.conftest import serving

WATCHED = ("/metrics", "/drift")


@pytest.fixture
def own(store_home: Path) -> Iterator[Caller]:
    """A service that nobody else asks."""
    with serving(store_home) as caller:
        yield caller


@pytest.fixture(scope="module")
def closed(store_home: Path) -> Iterator[Caller]:
    """A service that keeps its figures to those with a key for them."""
    with serving(store_home, open_monitoring="false") as caller:
        yield caller


def test_priced_houses_are_in_the_next_answer(own: Caller) -> None:
    own.predict(RM=8.0, ZN=None)
    own.batch(*[{**EXAMPLE, "RM": 8.0}] * 2, {**EXAMPLE, "RM": 99})
    own.predict(RM=99)
    told = Drift.model_validate(own.get("/drift").json(), strict=True)
    assert (told.rows, told.enough, list(told.features)) == (3, False, list(HOUSE.names))
    assert (told.features["ZN"].missing, told.features["RM"].now[-2:], sum(told.prices.now)) == (1 / 3, [1, 0], 1)


def test_prometheus_reads_the_model_and_its_drift(own: Caller, saved: Bundle) -> None:
    own.batch(*[{**EXAMPLE, "RM": 8.9}] * 200)
    metrics = own.app.serving.metrics.registry.get_sample_value
    own.get("/metrics")
    assert metrics("casa_model_info", {"version": saved.version}) == 1
    assert metrics("casa_drift_rows") == 200
    assert metrics("casa_drift_score", {"feature": "RM"}) > 2
    assert metrics("casa_drift_psi", {"feature": "RM"}) > 0.2
    assert metrics("casa_drift_alert", {"feature": "RM"}) == 0, "it has not lasted"
    assert 1 < metrics("casa_estimated_rmse") < 20


def test_too_few_houses_have_no_figures_in_metrics(own: Caller) -> None:
    own.batch(*[EXAMPLE] * 199)
    shown = own.get("/metrics").text
    assert "casa_drift_rows 199.0" in shown
    assert "casa_drift_score{" not in shown
    assert "casa_estimated_rmse 1" not in shown


@pytest.fixture(scope="module")
def for_prices(closed: Caller) -> dict[str, str]:
    """A key for prices alone, once the service knows it."""
    settings = closed.app.serving.settings
    grant, pepper = Grant(client="acme"), keep_pepper(settings)
    token, record = make_key(grant, pepper=pepper, random=Random(1), now=datetime.now(UTC))
    KeyTable(open_database(settings)).add(record, actor="a test")
    headers = {"x-api-key": token}
    until(lambda: closed.get("/model", headers=headers).status_code == 200)
    return headers


@pytest.mark.parametrize("path", WATCHED)
def test_figures_need_no_key(hot: Caller, path: str) -> None:
    assert hot.get(path, headers={"x-api-key": "nobody"}).status_code == 200


@pytest.mark.parametrize("path", WATCHED)
def test_an_operator_may_ask_for_a_key_to_them(closed: Caller, for_prices: dict[str, str], path: str) -> None:
    keys = {"x-api-key": "nobody"}, for_prices, {"x-api-key": closed.key}
    assert [closed.get(path, headers=key).status_code for key in keys] == [401, 403, 200]
    assert closed.get("/health", headers={"x-api-key": "nobody"}).status_code == 200


def test_a_restart_goes_on_with_what_was_counted(store_home: Path, tmp_path: Path) -> None:
    shared = {"database_url": f"sqlite:///{tmp_path}/casa.db"}
    for _ in range(2):
        with serving(store_home, **shared) as caller:
            caller.predict()
    with serving(store_home, **shared) as caller:
        until(lambda: caller.get("/drift").json()["rows"] == 2)
