import math

import numpy as np
import pytest

from casa.house import HOUSE
from casa.model.bundle import Bundle
from casa.model.pricer import Pricer
from casa.model.single import SinglePricer
from pipeline.train import Rows

ROWS = 1_500


def random_houses(*, gaps: bool) -> list[list[float]]:
    rng = np.random.default_rng(11)
    low, high = (np.array([getattr(f, end) for f in HOUSE.features]) for end in ("low", "high"))
    houses = rng.uniform(low, high, size=(ROWS, len(HOUSE.names)))
    for place, feature in enumerate(HOUSE.features):
        if feature.optional and gaps:
            houses[rng.random(ROWS) < 0.5, place] = np.nan
    return houses.tolist()


@pytest.mark.parametrize("gaps", [False, True])
def test_one_house_costs_to_the_digit_what_it_costs_in_a_matrix(pricer: Pricer, *, gaps: bool) -> None:
    houses = random_houses(gaps=gaps)
    matrix = pricer.price(np.array(houses))
    assert [pricer.price_one(house) for house in houses] == list(
        zip(*(column.tolist() for column in matrix), strict=True)
    )


def test_one_house_makes_the_row_that_the_trees_read(saved: Bundle, table: Rows) -> None:
    single = SinglePricer(saved.preprocessor, saved.ensemble, None)  # type: ignore[arg-type]
    rows = [single.transform(house.tolist())[0] for house in table.houses]
    np.testing.assert_array_equal(rows, saved.preprocessor.transform(table.houses))


def test_warnings_of_many_are_those_of_each(pricer: Pricer) -> None:
    houses = random_houses(gaps=True)
    assert pricer.warnings_each(np.array(houses)) == [pricer.warnings(house) for house in houses]


def test_the_callers_house_is_left_as_it_was(pricer: Pricer) -> None:
    house = [math.nan if feature.optional else feature.example for feature in HOUSE.features]
    before = [*house]
    pricer.price_one(house)
    assert repr(house) == repr(before)
