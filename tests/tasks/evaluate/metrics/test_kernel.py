"""KAD equals a plain loop over all pairs, is unbiased, and its blocks and histogram change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.spatial import distance

from data_contracts.errors import ContractError
from tasks.evaluate.metrics import kernel
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.kernel import exchange_differences, kernel_distance, median_distance


def rows(n: int, seed: int, width: int = 6, shift: float = 0.0) -> np.ndarray:
    return (shift + np.random.default_rng(seed).normal(size=(n, width))).astype(np.float32)


def plain_kad(generated: np.ndarray, reference: np.ndarray) -> float:
    distances = sorted(distance.pdist(reference.astype(float)))
    spread = distances[(len(distances) - 1) // 2]

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.square(a.astype(float) - b).sum() / (2 * spread**2)))

    n, m = len(generated), len(reference)
    within = [
        sum(k(one[i], one[j]) for i in range(len(one)) for j in range(len(one)) if i != j) / (len(one) * (len(one) - 1))
        for one in (generated, reference)
    ]
    return 100 * (sum(within) - 2 * sum(k(a, b) for a in generated for b in reference) / (n * m))


@pytest.fixture(params=[1024, 17])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kernel, "_BLOCK", request.param)
    yield


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("n", "m"), [(2, 3), (20, 33), (14, 14)])
def test_it_is_the_mean_over_all_pairs_whatever_the_blocks(n: int, m: int) -> None:
    generated, reference = rows(n, 1, shift=0.5), rows(m, 2)
    assert kernel_distance(generated, reference) == pytest.approx(plain_kad(generated, reference), rel=1e-6)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_exchanging_rows_of_two_sets_turns_the_signs_of_their_parts_of_the_difference(shift: float) -> None:
    first, second, reference = rows(23, 4), rows(23, 5, shift=shift), rows(31, 6)
    parts = exchange_differences(first, second, reference)
    difference = kernel_distance(first, reference) - kernel_distance(second, reference)
    assert parts.shape == (23,) and parts.mean() == pytest.approx(difference, abs=1e-9)
    for seed in range(5):
        turned = np.random.default_rng(seed).integers(0, 2, 23).astype(bool)
        one, other = np.where(turned[:, None], second, first), np.where(turned[:, None], first, second)
        exchanged = kernel_distance(one, reference) - kernel_distance(other, reference)
        assert np.where(turned, -parts, parts).mean() == pytest.approx(exchanged, abs=1e-9)


def test_equal_sets_differ_in_nothing_and_other_shapes_are_refused() -> None:
    first, reference = rows(9, 4), rows(12, 6)
    assert exchange_differences(first, first, reference) == pytest.approx(np.zeros(9))
    with pytest.raises(ContractError, match="expected one row per clip in both"):
        exchange_differences(first, first[:8], reference)
    with pytest.raises(UndefinedMetricError, match="at least 2 rows, got 1"):
        exchange_differences(first[:1], first[:1], reference)
    with pytest.raises(ContractError, match="widths 6 and 5"):
        exchange_differences(first, first, reference[:, :5])


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_histogram_finds_the_exact_median(monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    reference = scale * rows(150, 3)
    exact = median_distance(reference)
    distances = sorted(distance.pdist(reference.astype(float)))
    assert exact == pytest.approx(distances[(len(distances) - 1) // 2], rel=1e-9)
    monkeypatch.setattr(kernel, "_EXACT_PAIRS", 0)
    monkeypatch.setattr(kernel, "_SAMPLE", 40)
    assert median_distance(reference) == pytest.approx(exact, rel=1e-6)
    monkeypatch.setattr(kernel, "_BRACKET", (0.98, 0.99))  # a sample that misleads
    assert median_distance(reference) == pytest.approx(exact, rel=1e-6)
    monkeypatch.setattr(kernel, "_BRACKET", (0.01, 0.02))
    assert median_distance(reference) == pytest.approx(exact, rel=1e-6)


def test_rows_at_few_places_have_a_median_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_EXACT_PAIRS", 0)
    two_places = np.repeat([[0.0, 0.0], [3.0, 4.0]], 30, axis=0)  # of 1770 pairs 900 are 5 apart
    assert median_distance(two_places) == pytest.approx(5.0, rel=1e-6)
    with pytest.raises(UndefinedMetricError, match="most of the 60 reference rows are the same"):
        median_distance(np.ones((60, 2)))


def test_a_common_offset_changes_nothing() -> None:
    generated, reference = rows(40, 4).astype(float), rows(50, 5, shift=0.2).astype(float)
    assert kernel_distance(generated + 1e6, reference + 1e6) == pytest.approx(
        kernel_distance(generated, reference), rel=1e-6
    )


def test_it_is_unbiased_whatever_the_number_of_rows() -> None:
    values = {n: [kernel_distance(rows(n, 2 * s), rows(40, 2 * s + 1), 3.0) for s in range(200)] for n in (5, 40)}
    for found in values.values():
        assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
        assert min(found) < 0


def test_it_grows_with_the_difference_and_sees_spread_that_means_do_not() -> None:
    reference = rows(200, 6)
    near, far = (kernel_distance(rows(200, 7, shift=shift), reference) for shift in (0.3, 1.0))
    assert kernel_distance(rows(200, 8), reference) < near < far
    assert kernel_distance(0.2 * rows(200, 9), reference) > near


def test_each_refusal_says_why() -> None:
    good = rows(10, 1)
    with pytest.raises(UndefinedMetricError, match="KAD, generated features: needs at least 2 rows, got 1"):
        kernel_distance(good[:1], good)
    with pytest.raises(UndefinedMetricError, match="KAD, reference features: needs at least 2 rows, got 1"):
        kernel_distance(good, good[:1])
    with pytest.raises(UndefinedMetricError, match="KAD: most of the 10 reference rows are the same"):
        kernel_distance(good, np.ones_like(good))
    with pytest.raises(ContractError, match="widths 6 and 5"):
        kernel_distance(good, good[:, :5])
    with pytest.raises(ContractError, match="NaN or infinity in 1 row of 10"):
        kernel_distance(np.where(np.arange(10)[:, None] == 2, np.nan, good), good)
