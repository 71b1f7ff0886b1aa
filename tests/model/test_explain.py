import numpy as np
import pytest

from casa.house import HOUSE
from casa.model.bundle import Bundle
from casa.model.engine import BoosterEngine
from casa.model.explain import Explainer
from casa.model.pricer import Pricer
from pipeline.train import Rows


@pytest.fixture(scope="module")
def explainer(saved: Bundle) -> Explainer:
    members = saved.ensemble.members
    return Explainer(saved.preprocessor, members, BoosterEngine(saved.boosters).forest)


def test_base_and_shares_add_up_to_the_price(explainer: Explainer, pricer: Pricer, table: Rows) -> None:
    base, contributions = explainer.shares(table.houses)
    assert contributions.shape == (506, len(HOUSE.names))
    np.testing.assert_allclose(base + contributions.sum(axis=1), pricer.price(table.houses).price, atol=1e-3)


def test_shares_add_up_for_a_house_with_gaps(explainer: Explainer, pricer: Pricer, table: Rows) -> None:
    houses = table.houses[:5].copy()
    houses[:, [1, 2, 3]] = np.nan
    base, contributions = explainer.shares(houses)
    np.testing.assert_allclose(base + contributions.sum(axis=1), pricer.price(houses).price, atol=1e-3)


def test_every_house_starts_from_the_same_base(explainer: Explainer, table: Rows) -> None:
    base, _ = explainer.shares(table.houses)
    assert np.ptp(base) < 1e-4


def test_rooms_and_status_matter_most(explainer: Explainer, table: Rows) -> None:
    sizes = np.abs(explainer.shares(table.houses).contributions).mean(axis=0)
    assert {HOUSE.names[place] for place in np.argsort(sizes)[-2:]} == {"RM", "LSTAT"}
