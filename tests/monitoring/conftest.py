"""The small model's reference, and what it told the bundled houses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from casa.database import open_database
from casa.migration import migrate
from casa.model.bundle import REFERENCE, Bundle
from casa.model.ensemble import Prices
from casa.model.pricer import Pricer
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from casa.settings import Settings
from pipeline.train import Rows


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of this test's own."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    engine = open_database(Settings(data_dir=tmp_path, database_url=url and SecretStr(url)))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def seen(saved: Bundle) -> Reference:
    return Reference.from_dict(saved.document(REFERENCE))


@pytest.fixture(scope="session")
def told(pricer: Pricer, table: Rows) -> Prices:
    return pricer.price(table.houses)


@pytest.fixture(scope="session")
def usual(seen: Reference, table: Rows, told: Prices) -> Window:
    """The bundled houses, each asked for once."""
    return seen.count(table.houses, told)


@pytest.fixture(scope="session")
def moved(seen: Reference, table: Rows, told: Prices) -> Window:
    """The same with a bedroom more in each."""
    houses = table.houses.copy()
    houses[:, seen.names.index("RM")] += 1
    return seen.count(houses, told)
