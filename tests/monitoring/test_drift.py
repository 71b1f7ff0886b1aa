from math import log

import numpy as np
import pytest
from numpy.random import default_rng
from scipy.stats import ks_2samp

from casa.model.ensemble import Prices
from casa.monitoring.drift import estimate_rmse, ks, measure, psi
from casa.monitoring.reference import Reference
from casa.monitoring.window import Window
from pipeline.train import Rows

TEN = np.full(10, 41)


def chas(seen: Reference, table: Rows, told: Prices, *, share: float) -> Window:
    """The bundled houses, so many of them by the river."""
    houses = table.houses.copy()
    houses[:, seen.names.index("CHAS")] = np.arange(506) < share * 506
    return seen.count(houses, told)


def test_psi_is_the_sum_over_bins_less_what_chance_gives() -> None:
    (a, b), (c, d) = (50.5 / 101, 50.5 / 101), (100.5 / 401, 300.5 / 401)
    plain = (c - a) * log(c / a) + (d - b) * log(d / b)
    found = psi(np.array([50, 50]), np.array([100, 300]))
    assert found == pytest.approx(plain - (1 / 100 + 1 / 400))


def test_rows_that_have_not_moved_have_no_psi() -> None:
    draws = default_rng(0).multinomial(200, np.full(10, 0.1), size=(1000, 2))
    assert psi(draws[:, 0], draws[:, 1]).mean() < 0.02  # 0.09 as the textbook has it


def test_bins_that_no_row_is_in_change_nothing() -> None:
    assert psi(np.array([40, 60, 0, 0]), np.array([10, 90, 0, 0])) == psi(np.array([40, 60]), np.array([10, 90]))


def test_a_bin_that_was_empty_has_a_finite_psi() -> None:
    assert 1 < psi(np.append(TEN, 0), np.append(np.zeros(10, int), 200)) < 20


def test_ks_is_scipys_where_a_bin_is_a_value() -> None:
    was, now = default_rng(1).integers(1, 50, size=(2, 10))
    expected = ks_2samp(np.repeat(np.arange(10), was), np.repeat(np.arange(10), now)).statistic
    assert ks(np.append(was, 7), np.append(now, 0)) == pytest.approx(expected)


def test_the_score_is_the_distance_of_the_means(seen: Reference, table: Rows, moved: Window) -> None:
    place = seen.names.index("RM")
    assert measure(seen, moved).score[place] == pytest.approx(1 / table.houses[:, place].std())


def test_what_has_not_moved_has_no_effect(seen: Reference, usual: Window) -> None:
    drift = measure(seen, usual)
    assert not drift.effects.any()
    assert drift.score[:-1].max() < 1e-9
    assert drift.missing.max() == drift.out_of_range[:-1].max() == 0


def test_only_what_has_moved_has_an_effect(seen: Reference, moved: Window) -> None:
    assert measure(seen, moved).effects.tolist() == [name == "RM" for name in seen.names]


def test_far_means_have_an_effect_by_their_score_alone(seen: Reference, usual: Window) -> None:
    far = Window(usual.counts, usual.sums + 2.1 * seen.std * 506, usual.outside, usual.squared_widths)
    assert measure(seen, far).effects[:-1].all()


@pytest.mark.parametrize(("share", "effect"), [(0.07, False), (0.3, True), (1.0, True)])
def test_more_houses_by_the_river_are_seen(
    seen: Reference, table: Rows, told: Prices, share: float, *, effect: bool
) -> None:
    assert measure(seen, chas(seen, table, told, share=share)).effects[seen.names.index("CHAS")] == effect


def test_values_that_are_suddenly_missing_are_seen(seen: Reference, table: Rows, told: Prices) -> None:
    houses = table.houses.copy()
    houses[::5, seen.names.index("ZN")] = np.nan
    drift = measure(seen, seen.count(houses, told))
    assert drift.missing.max() == pytest.approx(0.2, abs=0.01)
    assert drift.effects[seen.names.index("ZN")]


def test_no_rows_tell_nothing(seen: Reference) -> None:
    drift = measure(seen, seen.nothing)
    assert np.isnan(list(drift)).all()
    assert not drift.effects.any()


def test_windows_can_be_measured_in_a_stack(seen: Reference, usual: Window, moved: Window) -> None:
    stack = Window(*(np.stack([getattr(w, f) for w in (usual, moved)]) for f in ("counts", "sums", "outside")), 0.0)
    np.testing.assert_array_equal(measure(seen, stack)[1], [measure(seen, usual).psi, measure(seen, moved).psi])


def test_a_bundle_says_what_its_widths_promise(seen: Reference, usual: Window) -> None:
    rmse = estimate_rmse(seen, usual)
    assert rmse is not None
    assert 2 < rmse < 6  # of 20 trees a booster


def test_without_rows_or_a_factor_there_is_no_estimate(seen: Reference, usual: Window) -> None:
    before = Reference(**{**vars(seen), "rmse_per_width": None})
    assert estimate_rmse(seen, seen.nothing) is estimate_rmse(before, usual) is None
