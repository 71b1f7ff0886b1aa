"""`GET /monitoring`: whose it is, and that it adds up."""

from __future__ import annotations

from pathlib import Path

from casa.transports.schema import Monitoring
from tests.servers import until
from tests.transports.caller import Caller
from tests.transports.conftest import serving


def told(caller: Caller) -> Monitoring:
    return Monitoring.model_validate(caller.get("/monitoring").json(), strict=True)


def test_calls_add_up(hot: Caller) -> None:
    before = told(hot)
    request_id = hot.predict().json()["request_id"]
    hot.predict(RM=0)
    hot.post("/feedback", {"request_id": request_id, "price": 25})
    until(lambda: told(hot).errors.get("422", 0) > before.errors.get("422", 0))
    after = told(hot)
    assert (after.predictions > before.predictions, after.feedback.count - before.feedback.count) == (True, 1)
    assert after.versions[-1].version == hot.app.serving.bundle.version


def test_they_add_up_over_restarts(store_home: Path, tmp_path: Path) -> None:
    shared = {"database_url": f"sqlite:///{tmp_path}/casa.db"}
    for _ in range(2):
        with serving(store_home, **shared) as caller:
            caller.predict()
    with serving(store_home, **shared) as caller:
        assert told(caller).predictions == 2


def test_it_needs_a_key(hot: Caller) -> None:
    assert hot.get("/monitoring", headers={"x-api-key": "nobody"}).status_code == 401
