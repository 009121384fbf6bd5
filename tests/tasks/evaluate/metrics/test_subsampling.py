"""Intervals of FD and its extrapolation, on sets whose FD over infinitely many rows is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.frechet import Moments, feature_distance
from tasks.evaluate.metrics.kernel import kernel_distance, median_distance
from tasks.evaluate.metrics.subsampling import distance_interval, frechet_infinity, frechet_interval, kernel_interval

REFERENCE = np.random.default_rng(0).normal(size=(4000, 6))


def rows(n: int, seed: int, *, shift: float = 0.0, per_group: int = 1, alike: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.normal(size=(n // per_group, 6)), per_group, axis=0)
    return shift + np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=(n, 6))


@pytest.mark.parametrize(("per_group", "alike"), [(1, 0.0), (4, 0.8)])
def test_the_interval_covers_the_mean_of_other_sets_of_the_same_size(per_group: int, alike: float) -> None:
    sets = [rows(80, seed, shift=0.4, per_group=per_group, alike=alike) for seed in range(80)]
    groups = [n // per_group for n in range(80)]
    expected = np.mean([feature_distance(one, REFERENCE) for one in sets])
    bounds = [frechet_interval(one, REFERENCE, groups, seed=n, blocks=40) for n, one in enumerate(sets)]
    covered = sum(low <= expected <= high for low, high in bounds if low is not None and high is not None)
    assert 0.88 * 80 <= covered < 80
    assert all(low >= 0 for low, _ in bounds if low is not None)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_kads_interval_covers_it_and_may_reach_below_zero(shift: float) -> None:
    reference = REFERENCE[:200]
    bandwidth = median_distance(reference)

    def kad(first: np.ndarray, second: np.ndarray) -> float:
        return kernel_distance(first, second, bandwidth)

    sets = [rows(40, seed, shift=shift) for seed in range(30)]
    expected = np.mean([kad(one, reference) for one in sets])
    bounds = [distance_interval(kad, one, reference, range(40), seed=n, blocks=20) for n, one in enumerate(sets)]
    assert sum(low <= expected <= high for low, high in bounds if low is not None and high is not None) >= 26
    assert (min(low for low, _ in bounds if low is not None) < 0) == (shift == 0)


def test_the_interval_is_a_plain_jackknifes_over_groups() -> None:
    made, groups = rows(36, 6, shift=0.4), [n % 12 for n in range(36)]
    left = [feature_distance(made[[n for n in range(36) if groups[n] != one]], REFERENCE) for one in range(12)]
    error = np.sqrt(11 / 12 * np.square(np.array(left) - np.mean(left)).sum())
    reach = stats.t.ppf(0.975, 11) * error
    found = feature_distance(made, REFERENCE)
    assert frechet_interval(made, REFERENCE, groups, seed=0) == pytest.approx((found - reach, found + reach))


def test_of_many_groups_some_are_left_out_together() -> None:
    calls = []

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        calls.append(len(first))
        return float(first.sum())

    made = rows(90, 6)
    low, high = distance_interval(distance, made, made, range(90), seed=0, blocks=30)
    assert calls == [90] + [87] * 30 and low is not None and high is not None
    of_a_sum = 2 * stats.t.ppf(0.975, 29) * np.sqrt(90) * made.sum(axis=1).std()
    assert high - low == pytest.approx(of_a_sum, rel=0.5)


@pytest.mark.parametrize("blocks", [100, 9])
@pytest.mark.parametrize("with_reference", [False, True])
def test_kads_interval_from_one_pass_is_that_of_a_plain_jackknife(blocks: int, with_reference: bool) -> None:
    made, reference, groups = rows(60, 3, shift=0.5), REFERENCE[:60], [n % 12 for n in range(60)]
    bandwidth = median_distance(reference)
    of_reference = [f"{n % 12}" if n < 30 else n % 12 for n in range(60)] if with_reference else None

    def kad(first: np.ndarray, second: np.ndarray) -> float:
        return kernel_distance(first, second, bandwidth)

    plain = distance_interval(kad, made, reference, groups, seed=1, reference_groups=of_reference, blocks=blocks)
    once = kernel_interval(made, reference, groups, seed=1, reference_groups=of_reference, blocks=blocks)
    assert once == pytest.approx(plain)
    assert kernel_interval(made[:20], reference, [n % 7 for n in range(20)], seed=0) == (None, None)


def test_copies_within_a_group_add_no_certainty() -> None:
    once = rows(40, 1, shift=0.3)
    low, high = frechet_interval(once, REFERENCE, range(40), seed=1)
    many_low, many_high = frechet_interval(np.repeat(once, 5, axis=0), REFERENCE, np.repeat(range(40), 5), seed=1)
    assert None not in (low, high, many_low, many_high)
    assert many_high - many_low > 0.9 * (high - low)  # type: ignore[operator]


def test_a_reference_of_the_same_groups_widens_the_interval_and_order_changes_nothing() -> None:
    generated, reference, groups = rows(60, 2, shift=0.3), rows(60, 3), [f"object {n % 30}" for n in range(60)]
    alone = frechet_interval(generated, reference, groups, seed=4)
    both = frechet_interval(generated, reference, groups, seed=4, reference_groups=groups)
    assert both[1] - both[0] > alone[1] - alone[0]  # type: ignore[operator]
    assert both == frechet_interval(generated, reference, groups, seed=4, reference_groups=groups)
    order = np.random.default_rng(0).permutation(60)
    mixed = frechet_interval(generated, reference[order], groups, seed=4, reference_groups=[groups[i] for i in order])
    assert mixed == pytest.approx(both)


def test_few_groups_have_no_interval_but_wrong_input_is_still_refused() -> None:
    assert frechet_interval(rows(21, 5), REFERENCE, [n % 7 for n in range(21)], seed=0) == (None, None)
    with pytest.raises(UndefinedMetricError, match="at least 2 rows, got 1"):
        frechet_interval(rows(1, 5), REFERENCE, [0], seed=0)
    with pytest.raises(ContractError, match="19 groups for 20 rows; expected one per row"):
        frechet_interval(rows(20, 5), REFERENCE, range(19), seed=0)


def test_fd_of_few_rows_is_too_large_and_its_extrapolation_is_not() -> None:
    """Of one distribution the FD is 0; of shifted ones the squared shift, 6 x 0.25."""
    for shift, truth in ((0.0, 0.0), (0.5, 1.5)):
        plain, values = [], []
        for seed in range(12):
            generated = rows(120, seed, shift=shift)
            found = frechet_infinity(generated, REFERENCE, seed=seed)
            plain.append(feature_distance(generated, REFERENCE))
            values.append(found.value)
            assert found.values[-1] == pytest.approx(plain[-1]) and found.sizes[-1] == 120
            assert found.sizes == tuple(sorted(found.sizes)) and found.sizes[0] == 36
        assert np.mean(plain) > truth + 0.05
        assert abs(np.mean(values) - truth) < 0.5 * (np.mean(plain) - truth)


def test_the_line_is_the_least_squares_fit_and_its_quality_is_said() -> None:
    found = frechet_infinity(rows(200, 7), REFERENCE, seed=1)
    inverse, values = 1 / np.array(found.sizes), np.array(found.values)
    assert (found.slope, found.value) == pytest.approx(tuple(np.polyfit(inverse, values, 1)))
    assert found.r_squared == pytest.approx(np.corrcoef(inverse, values)[0, 1] ** 2)
    assert found.r_squared > 0.4 and found.slope > 0


def test_whole_groups_are_drawn() -> None:
    groups = [n // 5 for n in range(200)]
    found = frechet_infinity(rows(200, 8), REFERENCE, seed=1, groups=groups)
    assert all(size % 5 == 0 for size in found.sizes)


def test_too_few_rows_for_a_line_are_refused() -> None:
    with pytest.raises(UndefinedMetricError, match="FD-infinity, groups of generated rows: needs at least 30 rows"):
        frechet_infinity(rows(60, 9), REFERENCE, seed=0, groups=[n // 3 for n in range(60)])
    wide = np.random.default_rng(1).normal(size=(99, 20))
    with pytest.raises(UndefinedMetricError, match="FD-infinity of width 20: needs at least 100 rows, got 99"):
        frechet_infinity(wide, wide, seed=0)
    assert Moments.of(wide).n == 99
