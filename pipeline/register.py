"""Put the bundle into the BentoML model store and MLflow's registry, as challenger.

Example: python -m pipeline.register   (reads artifacts/bundle; does nothing where both know the version)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import structlog

from casa.model import bundle, registry
from casa.model.promotion import promote
from casa.model.registry import Registry
from casa.model.store import open_store
from pipeline import tracking
from pipeline.params import Params
from pipeline.stage import stage, working
from pipeline.train import read_rows


def run(params: Params, folder: Path) -> None:
    """The stage, on the files under `folder`."""
    del params  # nothing here can be chosen
    with working("registering the model"):
        source = folder / "artifacts/bundle"
        version = open_store().save(source)
        models = Registry(tracking.connect(folder))
        enrol(version, source, models=models)
        if models.alias(registry.CHAMPION) is None or open_store().champion is None:
            test = read_rows(folder / "data/test.csv")
            promote(version, houses=test.houses, prices=test.prices, store=open_store(), models=models)
    structlog.get_logger().info("registered", version=version, champion=open_store().champion)


def enrol(version: str, source: Path, *, models: Registry) -> None:
    """Let MLflow know a version, by the bundle in `source`, as its challenger; nothing if it does."""
    if models.has(version):
        return
    origin = bundle.load(source).document(bundle.LINEAGE)
    with tracking.reopened(origin.get("mlflow_run"), "registration") as run:
        uri = tracking.log_bundle(source, version=version)
        models.register(version, source=uri, run_id=run.info.run_id, tags=_tags(origin))


def _tags(origin: dict[str, Any]) -> dict[str, str]:
    flat = {name: origin.get(name) for name in ("data_sha256", "code_revision", "created")}
    return {name: str(value) for name, value in flat.items()} | {"params": orjson.dumps(origin.get("params")).decode()}


if __name__ == "__main__":
    stage(__doc__, run)
