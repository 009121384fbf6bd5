"""Intervals over grouped clips (SPEC E3): exact for shares of single clips, and their coverage on simulated sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.coverage import mean_coverage, share_coverage
from tasks.evaluate.intervals import mean_interval, median_interval, share_interval


def sterne_p(hits: int, n: int, share: float) -> float:
    """The probability of outcomes that are less likely than the found one, and half of that of equally likely ones."""
    chances = [float(stats.binom.pmf(count, n, share)) for count in range(n + 1)]
    own = chances[hits]
    tied = [one for one in chances if math.isclose(one, own, rel_tol=1e-6)]
    return sum(one for one in chances if one < own and not math.isclose(one, own, rel_tol=1e-6)) + sum(tied) / 2


@pytest.mark.parametrize(("hits", "n"), [(0, 16), (1, 10), (9, 10), (16, 16), (31, 64), (1, 2)])
def test_a_share_of_independent_clips_has_the_exact_interval_of_sterne(hits: int, n: int) -> None:
    low, high = share_interval([1.0] * hits + [0.0] * (n - hits), range(n))
    assert low is not None and high is not None and low <= hits / n <= high
    for bound, outside, is_limit in ((low, -1e-4, not hits), (high, 1e-4, hits == n)):
        if is_limit:
            assert bound == hits / n
        else:
            assert sterne_p(hits, n, bound - outside) > 0.05 >= sterne_p(hits, n, bound + outside)
    shares = np.linspace(0.001, 0.999, 80)
    kept = [share for share in shares if sterne_p(hits, n, share) > 0.05]
    assert low <= kept[0] + 1e-4 and kept[-1] - 1e-4 <= high


@pytest.mark.parametrize("n", [16, 24, 64])
def test_exact_intervals_of_shares_contain_them_as_often_as_stated(n: int) -> None:
    """Over all outcomes with their probabilities, so without chance: on average, and at every share by itself."""
    bounds = np.array([share_interval([1.0] * hits + [0.0] * (n - hits), range(n)) for hits in range(n + 1)], float)
    assert bounds[::-1, 0] == pytest.approx(1 - bounds[:, 1]) and (np.diff(bounds[:, 0]) >= -1e-9).all()
    for low, high in ((0.5, 0.8), (0.8, 0.99)):
        shares = np.linspace(low, high, 400)[:, None]
        chances = stats.binom.pmf(np.arange(n + 1), n, shares)
        covered = (chances * ((bounds[:, 0] <= shares) & (shares <= bounds[:, 1]))).sum(axis=1)
        assert 0.945 <= covered.mean() <= 0.96
        assert covered.min() > 0.91 and covered.max() < 0.99


def test_the_interval_of_many_clips_is_that_of_the_normal_distribution() -> None:
    low, high = share_interval([1.0] * 9000 + [0.0] * 1000, range(10_000))
    assert (low, high) == pytest.approx((0.9 - 1.96 * 0.003, 0.9 + 1.96 * 0.003), abs=2e-4)


def test_all_right_is_not_certain() -> None:
    low, high = share_interval([1.0] * 16, range(16))
    assert low is not None and 0.80 < low < 0.83 and high == 1.0
    fewer_groups, _ = share_interval([1.0] * 16, [number % 4 for number in range(16)])
    assert fewer_groups is not None and fewer_groups < low - 0.1
    assert share_interval([0.0] * 16, range(16)) == pytest.approx((0.0, 1 - low))


def test_a_grouped_share_has_the_quantiles_of_a_plain_beta_binomial_posterior() -> None:
    hits, sizes = [3, 4, 1, 4, 0, 2], [4, 4, 4, 4, 2, 2]
    values = [float(n < hit) for hit, size in zip(hits, sizes, strict=True) for n in range(size)]
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    shares, weights = np.linspace(0.0025, 0.9975, 200), np.zeros(200)
    for angle in np.linspace(0.01, np.pi / 2 - 0.01, 60):
        alike = float(np.sin(angle) ** 2)
        spread = 1 / alike - 1
        likelihood = np.ones(200)
        for hit, size in zip(hits, sizes, strict=True):
            likelihood *= stats.betabinom.pmf(hit, size, shares * spread, (1 - shares) * spread)
        weights += likelihood * stats.beta.pdf(alike, 0.15, 0.2) * math.sqrt(alike * (1 - alike))
    cumulative = np.cumsum(weights) / weights.sum()
    expected = np.interp([0.025, 0.975], cumulative, shares)
    assert share_interval(values, groups) == pytest.approx(tuple(expected), abs=0.01)


def test_copies_of_a_clip_within_its_group_add_no_certainty() -> None:
    values = [0.2, 0.9, 0.5, 0.7, 0.4, 0.8]
    once = mean_interval(values, range(6), seed=1)
    copies, owners = [value for value in values for _ in range(10)], [n for n in range(6) for _ in range(10)]
    many = mean_interval(copies, owners, seed=1)
    assert many == pytest.approx(once)
    ungrouped = mean_interval(copies, range(60), seed=1)
    assert ungrouped[1] - ungrouped[0] < 0.5 * (once[1] - once[0])  # type: ignore[operator]
    hits = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    wide = share_interval([hit for hit in hits for _ in range(10)], owners)
    exact = share_interval(hits, range(6))
    assert wide[1] - wide[0] > 0.85 * (exact[1] - exact[0])  # type: ignore[operator]


@pytest.mark.parametrize("values", [[], [0.5], [0.0, 1.0, 1.0]])
def test_one_group_has_no_interval(values: list[float]) -> None:
    groups = ["one"] * len(values)
    assert share_interval(values, groups) == mean_interval(values, groups, seed=1) == (None, None)


def test_the_bootstrap_is_seeded_contains_the_mean_and_narrows_with_n() -> None:
    values = list(np.random.default_rng(0).uniform(size=200))
    assert mean_interval(values, range(200), 1) == mean_interval(values, range(200), 1)
    narrow, wide = mean_interval(values, range(200), 1), mean_interval(values[:10], range(10), 1)
    assert narrow[0] < np.mean(values) < narrow[1]  # type: ignore[operator]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]  # type: ignore[operator]


def test_names_and_order_of_the_groups_do_not_matter() -> None:
    values, names = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0], list("aabbcc")
    order = [4, 0, 3, 1, 5, 2]
    shuffled = share_interval([values[i] for i in order], [f"group {names[i]}" for i in order])
    assert shuffled == pytest.approx(share_interval(values, names))


@pytest.mark.parametrize("shares", [(0.5, 0.8), (0.8, 0.99)])
@pytest.mark.parametrize(("n", "groups", "alike"), [(16, 8, 0.3), (16, 4, 0.9), (24, 7, 0.0), (64, 16, 0.9)])
def test_the_interval_of_a_grouped_share_covers_it(
    n: int, groups: int, alike: float, shares: tuple[float, float]
) -> None:
    assert 0.90 <= share_coverage(n, groups, alike, shares=shares, sets=200, seed=1) <= 0.99


@pytest.mark.parametrize("kind", ["spread", "near one"])
@pytest.mark.parametrize(("n", "groups", "alike"), [(24, 4, 0.1), (24, 7, 0.9), (64, 64, 0.0), (64, 16, 0.3)])
def test_the_interval_of_a_mean_covers_it(kind: str, n: int, groups: int, alike: float) -> None:
    assert 0.90 <= mean_coverage(kind, n, groups, alike, sets=200, seed=1) <= 0.985


def test_of_groups_that_differ_within_a_mean_at_its_limit_is_surer_than_of_equal_clips() -> None:
    """Six clips in a group say more where each has its own value; groups of equal ones count as one clip each."""
    values = [1.0, 1.0, 1.0, 1.0, 0.4, 0.8] * 8
    mixed, equal = [n % 8 for n in range(48)], [n // 6 for n in range(48)]
    whole = [1.0] * 36 + [0.4] * 6 + [0.8] * 6
    narrow, wide = mean_interval(values, mixed, 1, (0.0, 1.0)), mean_interval(whole, equal, 1, (0.0, 1.0))
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])  # type: ignore[operator]
    assert narrow[0] > mean_interval(whole, [n % 4 for n in range(48)], 1, (0.0, 1.0))[0]  # type: ignore[operator]


def test_a_mean_at_its_limit_is_not_certain_and_only_there_the_limits_matter() -> None:
    groups = [n % 7 for n in range(28)]
    low, high = mean_interval([1.0] * 28, groups, 1, (0.0, 1.0))
    assert low is not None and 0.6 < low < 0.95 and high == 1.0
    assert mean_interval([1.0] * 28, groups, 1) == (1.0, 1.0)
    inside = list(np.random.default_rng(0).uniform(0.2, 0.8, 28))
    assert mean_interval(inside, groups, 1, (0.0, 1.0)) == mean_interval(inside, groups, 1)
    mirrored = mean_interval([0.0] * 28, groups, 1, (0.0, 1.0))
    assert mirrored == pytest.approx((0.0, 1 - low))


def test_the_median_interval_is_that_of_a_plain_bootstrap_over_groups() -> None:
    rng = np.random.default_rng(3)
    values, groups = list(rng.normal(size=30)), [n % 11 for n in range(30)]
    low, high = median_interval(values, groups, seed=5)
    chosen = np.random.default_rng(5).integers(0, 11, (2000, 11))
    medians = []
    for resample in chosen:
        drawn = sorted(values[n] for group in resample for n in range(30) if groups[n] == group)
        medians.append(drawn[(len(drawn) - 1) // 2])  # the lower median
    tail = stats.norm.cdf(np.sqrt(11 / 10) * stats.t.ppf(0.025, 10))
    assert (low, high) == pytest.approx(tuple(np.quantile(medians, [tail, 1 - tail])))


def test_the_median_interval_ignores_outliers_and_needs_six_groups() -> None:
    values = [float(n) for n in range(20)]
    bounds = median_interval(values, range(20), seed=1)
    assert bounds == median_interval([*values[:-1], 1e9], range(20), seed=1)
    assert bounds[0] is not None and bounds[1] is not None and bounds[0] < 9.5 < bounds[1]
    assert median_interval(values, [n % 5 for n in range(20)], seed=1) == (None, None)
    assert median_interval([], [], seed=1) == (None, None)


def test_medians_of_many_sets_are_inside_as_often_as_stated() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for seed in range(100):
        offsets = np.repeat(rng.normal(size=12), 2)
        low, high = median_interval(list(offsets + rng.normal(size=24)), [n // 2 for n in range(24)], seed)
        assert low is not None and high is not None
        hits += low <= 0 <= high
    assert hits > 90
