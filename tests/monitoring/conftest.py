"""The small model's reference, and what it told the bundled houses."""

from __future__ import annotations

import pytest

from casa.model.bundle import REFERENCE, Bundle
from casa.model.ensemble import Prices
from casa.model.pricer import Pricer
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows


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
