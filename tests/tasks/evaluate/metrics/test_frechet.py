"""FD equals av-benchmark's definition, written plainly with SciPy's matrix root; moments do not depend on chunks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.frechet import Moments, frechet_distance


def plain_fd(generated: np.ndarray, reference: np.ndarray) -> float:
    """FD by the root of the covariances' product; means in the features' own type."""
    mean = generated.mean(axis=0) - reference.mean(axis=0)
    first, second = np.cov(generated, rowvar=False), np.cov(reference, rowvar=False)
    root = linalg.sqrtm(first @ second)
    return float(mean @ mean + np.trace(first) + np.trace(second) - 2 * np.trace(root).real)


def fd(generated: np.ndarray, reference: np.ndarray) -> float:
    return frechet_distance(Moments.of(generated), Moments.of(reference))


def features(n: int, width: int, seed: int, *, relu: bool = True, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, width)) @ np.random.default_rng(width).normal(size=(width, width)) / np.sqrt(width)
    return (np.maximum(mixed + shift, 0) if relu else mixed + shift).astype(np.float32)


@pytest.mark.parametrize(("n", "m", "width"), [(300, 200, 24), (200, 40, 64), (40, 200, 64), (80, 80, 64)])
def test_it_is_av_benchmarks_to_a_millionth(n: int, m: int, width: int) -> None:
    generated, reference = features(n, width, 1), features(m, width, 2, shift=0.3)
    assert fd(generated, reference) == pytest.approx(plain_fd(generated, reference), rel=1e-6)
    doubled = generated.astype(np.float64), reference.astype(np.float64)
    assert fd(*doubled) == pytest.approx(plain_fd(*doubled), rel=1e-7)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (30, 20), (2, 3), (20, 400)])
def test_singular_covariances_have_a_distance_too(n: int, m: int) -> None:
    generated, reference = features(n, 48, 3).astype(np.float64), features(m, 48, 4, shift=0.2).astype(np.float64)
    generated[:, 5] = reference[:, 5] = 0.0  # a unit that never fires
    # tr((S1 S2)^(1/2)) is also the nuclear norm of the product of the centred features
    first, second = (one - one.mean(axis=0) for one in (generated, reference))
    root = np.linalg.norm(first @ second.T, "nuc") / np.sqrt((n - 1) * (m - 1))
    shift = generated.mean(axis=0) - reference.mean(axis=0)
    spread = sum(float(np.square(one).sum()) / (len(one) - 1) for one in (first, second))
    assert fd(generated, reference) == pytest.approx(shift @ shift + spread - 2 * root, rel=1e-9)


def test_of_gaussians_with_one_axis_it_is_the_textbooks() -> None:
    first, second = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [4.0], [7.0]])
    assert fd(first, second) == pytest.approx((4 - 2) ** 2 + (3 - 2) ** 2)


def test_a_set_and_itself_are_zero_apart_and_never_below() -> None:
    for n in (10, 200):
        same = features(n, 32, 5)
        assert 0 <= fd(same, same) < 1e-6 * Moments.of(same).total_variance()
    constant = np.ones((12, 8), np.float32)
    assert fd(constant, constant) == 0.0


def test_it_is_symmetric_and_ignores_order_and_rotations() -> None:
    generated, reference = features(90, 16, 6), features(70, 16, 7, shift=0.5)
    value = fd(generated, reference)
    assert fd(reference, generated) == pytest.approx(value, rel=1e-9)
    assert fd(generated[::-1], np.random.default_rng(0).permutation(reference)) == pytest.approx(value, rel=1e-9)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    assert fd(generated @ rotation, reference @ rotation) == pytest.approx(value, rel=1e-6)
    assert fd(generated + 5, reference + 5) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("cuts", [[1], [7, 8, 500], [513, 1024], [400, 401]])
def test_chunks_and_merging_change_nothing(cuts: list[int]) -> None:
    rows = features(1100, 12, 8, shift=30.0)
    chunked, merged = Moments(12), Moments(12)
    for part in np.split(rows, cuts):
        chunked.update(part)
        merged.merge(Moments.of(part))
    for moments in (chunked, merged):
        assert moments.n == 1100
        assert np.allclose(moments.mean_D, rows.mean(axis=0, dtype=np.float64), rtol=1e-12)
        assert np.allclose(moments.covariance(), np.cov(rows.astype(np.float64), rowvar=False), rtol=1e-10)
        assert np.array_equal(moments.covariance(), moments.covariance().T)
        assert moments.total_variance() == pytest.approx(np.trace(moments.covariance()), rel=1e-12)


def test_merging_leaves_the_other_and_empty_ones_alone() -> None:
    rows = features(20, 4, 9)
    one, empty = Moments.of(rows), Moments(4)
    before = one.covariance()
    empty.merge(one)
    one.merge(Moments(4))
    empty.update(rows[:0])
    empty.update(rows)
    assert np.array_equal(one.covariance(), before) and one.n == 20 and empty.n == 40


def test_the_input_is_not_changed() -> None:
    rows = features(30, 6, 10).astype(np.float64)
    copy = rows.copy()
    fd(rows, rows[:20])
    assert np.array_equal(rows, copy)


def test_means_are_float64_where_float32_sums_go_wrong() -> None:
    rng = np.random.default_rng(11)
    generated, reference = ((1000 + rng.normal(size=(15_000, 4))).astype(np.float32) for _ in range(2))
    exact = plain_fd(generated.astype(np.float64), reference.astype(np.float64))
    assert fd(generated, reference) == pytest.approx(exact, rel=1e-6)
    assert plain_fd(generated, reference) != pytest.approx(exact, rel=1e-3)


def test_each_refusal_says_why() -> None:
    good = features(20, 4, 12)
    with pytest.raises(UndefinedMetricError, match="FD, generated features: needs at least 2 rows, got 1"):
        fd(good[:1], good)
    with pytest.raises(UndefinedMetricError, match="FD, reference features: needs at least 2 rows, got 0"):
        frechet_distance(Moments.of(good), Moments(4))
    with pytest.raises(UndefinedMetricError, match="at least 2 rows"):
        Moments(3).covariance()
    with pytest.raises(ContractError, match="widths 4 and 3; both must come from the same judge"):
        fd(good, good[:, :3])
    broken = good.copy()
    broken[[3, 7], 1] = np.nan
    with pytest.raises(ContractError, match="NaN or infinity in 2 rows of 20, first in row 3"):
        fd(broken, good)
    with pytest.raises(ContractError, match=r"shape \(4,\), expected \(rows, columns\)"):
        Moments.of(good[0])
    with pytest.raises(ContractError, match="widths 4 and 2"):
        Moments(4).update(good[:, :2])
