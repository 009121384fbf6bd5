"""The interval covers the truth as often as it says, whatever varies more; hardly any family of claims is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.commands.claims.statistics import Estimate, crossed_estimate, verdict
from tasks.evaluate.significance import LEVEL, holm


def layout(
    rng: np.random.Generator, seeds: int, groups: int, *, seed_sd: float, group_sd: float, mean: float = 0.0
) -> np.ndarray:
    """Differences of a new seed and a new object each, with a deviation of 1 within them."""
    of_seed, of_group = seed_sd * rng.normal(size=(seeds, 1)), group_sd * rng.normal(size=(1, groups))
    return mean + of_seed + of_group + rng.normal(size=(seeds, groups))


@pytest.mark.parametrize(("seeds", "groups"), [(3, 8), (5, 12)])
@pytest.mark.parametrize(("seed_sd", "group_sd"), [(0, 0), (0, 1), (0.3, 0.5), (1, 0.5), (3, 0.2)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(seeds, groups, seed_sd, group_sd) -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(800):
        estimate = crossed_estimate(layout(rng, seeds, groups, seed_sd=seed_sd, group_sd=group_sd, mean=0.4))
        assert estimate is not None
        low, high = estimate.interval(0.95)
        covered.append(low <= 0.4 <= high)
    assert 0.92 <= np.mean(covered) <= 0.995


@pytest.mark.parametrize(("seed_sd", "group_sd", "at_most"), [(0, 0.5, 0.07), (0.3, 0.5, 0.09), (1, 0.5, 0.14)])
def test_without_a_difference_hardly_any_family_of_claims_has_a_verdict(seed_sd, group_sd, at_most) -> None:
    rng, wrong = np.random.default_rng(8), 0
    for _ in range(300):
        family = {}
        for name in "abcdefg":
            estimate = crossed_estimate(layout(rng, 3, 8, seed_sd=seed_sd, group_sd=group_sd))
            assert estimate is not None
            family[name] = estimate.p_value
        wrong += any(decision.p_holm < LEVEL for decision in holm(family, 7).values())
    assert wrong / 300 <= at_most  # half of these are `contradicted`


def test_a_clear_difference_is_found_and_its_sign_decides() -> None:
    rng, found = np.random.default_rng(9), 0
    for _ in range(100):
        estimate = crossed_estimate(layout(rng, 3, 8, seed_sd=0.1, group_sd=0.3, mean=3.0))
        assert estimate is not None
        found += verdict(estimate.mean, estimate.p_value) == "shown"
        assert verdict(-estimate.mean, estimate.p_value) != "shown"
    assert found > 90
    assert verdict(-0.2, 0.01) == "contradicted" and verdict(0.2, LEVEL) == verdict(-0.2, 0.9) == "not shown"


def test_more_seeds_narrow_the_interval_where_seeds_vary() -> None:
    rng = np.random.default_rng(10)

    def width(seeds: int) -> float:
        found = (crossed_estimate(layout(rng, seeds, 8, seed_sd=2, group_sd=0.2)) for _ in range(60))
        return float(np.median([one.interval(0.95)[1] - one.mean for one in found if one]))

    assert width(6) < 0.6 * width(3)


def test_with_seeds_alone_or_objects_alone_varying_the_interval_is_students() -> None:
    of_seeds = np.array([[0.1], [0.4], [0.7]]) + np.zeros((1, 9))
    for values, sample in ((of_seeds, of_seeds[:, 0]), (of_seeds.T, of_seeds[:, 0])):
        estimate = crossed_estimate(values)
        assert estimate is not None
        expected = stats.t.interval(0.9, len(sample) - 1, sample.mean(), stats.sem(sample))
        assert estimate.interval(0.9) == pytest.approx(expected)
        assert estimate.p_value == pytest.approx(stats.ttest_1samp(sample, 0).pvalue)


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(2, 6), st.integers(0, 1000))
def test_the_sign_order_and_scale_of_the_values_change_what_they_should(seeds: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = layout(rng, seeds, groups, seed_sd=0.5, group_sd=0.5, mean=0.2)
    one, turned, larger = (crossed_estimate(v) for v in (values, -values[::-1, ::-1], 3 * values))
    assert one and turned and larger
    assert turned.mean == pytest.approx(-one.mean) and turned.p_value == pytest.approx(one.p_value)
    assert larger.p_value == pytest.approx(one.p_value) and larger.error == pytest.approx(3 * one.error)
    low, high = one.interval(0.95)
    assert low <= one.mean <= high
    assert (one.p_value < 0.05) == (low > 0 or high < 0) or one.p_value == pytest.approx(0.05, abs=1e-6)


def test_one_seed_or_one_object_gives_no_estimate() -> None:
    assert crossed_estimate(np.ones((1, 9))) is None and crossed_estimate(np.ones((3, 1))) is None


def test_equal_differences_have_the_p_value_of_a_sign_test() -> None:
    for value in (1.0, 0.9 - 0.5, -0.1):
        estimate = crossed_estimate(np.full((3, 8), value))
        assert estimate is not None and estimate.p_value == pytest.approx(2 / 2**8)
        assert estimate.interval(0.95) == pytest.approx((value, value))
    nothing = crossed_estimate(np.zeros((3, 8)))
    assert nothing is not None and nothing.p_value == 1.0
    assert Estimate(mean=1.0, error=0.0, freedom=1.0, groups=1).p_value == 1.0
