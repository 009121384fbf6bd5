"""KL and IS equal plain loops of av-benchmark's definitions in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.divergence import inception_score, kl_per_clip


def logits(n: int, classes: int = 20, seed: int = 0, scale: float = 3.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).normal(size=(n, classes))).astype(np.float32)


def plain_is(values: np.ndarray) -> tuple[float, float]:
    n = len(values)
    rows = torch.from_numpy(values)[np.random.RandomState(2020).permutation(n)].double()
    scores = []
    for split in range(10):
        share = rows[split * n // 10 : (split + 1) * n // 10].softmax(dim=1)
        terms = share * (share.log() - share.mean(dim=0, keepdim=True).log())
        scores.append(terms.sum(dim=1).mean().exp().item())
    return float(np.mean(scores)), float(np.std(scores))


def test_kl_is_av_benchmarks() -> None:
    generated, reference = logits(40, seed=1), logits(40, seed=2)
    log_generated, log_reference = (functional.log_softmax(torch.from_numpy(x), dim=1) for x in (generated, reference))
    expected = functional.kl_div(log_generated, log_reference, reduction="sum", log_target=True) / 40
    assert kl_per_clip(generated, reference).mean() == pytest.approx(float(expected), rel=1e-6)


def test_kl_per_clip_is_the_sum_over_classes() -> None:
    generated, reference = logits(3, 4, seed=3), logits(3, 4, seed=4)
    for clip, value in enumerate(kl_per_clip(generated, reference)):
        p, q = (np.exp(x[clip].astype(float)) / np.exp(x[clip].astype(float)).sum() for x in (reference, generated))
        assert value == pytest.approx(sum(float(p[k] * np.log(p[k] / q[k])) for k in range(4)))


def test_kl_ignores_an_offset_of_the_logits_and_is_zero_for_equal_ones() -> None:
    generated, reference = logits(10, seed=5), logits(10, seed=6)
    assert np.allclose(kl_per_clip(generated + 7, reference - 3), kl_per_clip(generated, reference), rtol=1e-5)
    assert np.array_equal(kl_per_clip(reference, reference), np.zeros(10))
    assert (kl_per_clip(generated, reference) > 0).all()
    assert not np.allclose(kl_per_clip(generated, reference), kl_per_clip(reference, generated))


@pytest.mark.parametrize("n", [10, 13, 57])
def test_is_is_av_benchmarks(n: int) -> None:
    values = logits(n, seed=n)
    score = inception_score(values)
    assert (score.mean, score.deviation) == pytest.approx(plain_is(values), rel=1e-9)
    assert score.n == n


def test_is_is_one_for_equal_clips_and_the_number_of_classes_for_clear_ones() -> None:
    alike = inception_score(np.tile(logits(1), (30, 1)))
    assert alike.mean == pytest.approx(1.0) and alike.deviation == pytest.approx(0.0, abs=1e-12)
    clear = np.zeros((10_000, 5), np.float32)
    clear[np.arange(10_000), np.random.default_rng(0).integers(0, 5, 10_000)] = 1000.0
    assert inception_score(clear).mean == pytest.approx(5.0, rel=1e-2)


def test_is_stays_finite_where_a_probability_underflows() -> None:
    values = np.zeros((20, 3), np.float32)
    values[:, 0] = 5000.0
    assert np.isnan(plain_is(values)[0])
    assert inception_score(values).mean == pytest.approx(1.0)


def test_each_refusal_says_why() -> None:
    with pytest.raises(UndefinedMetricError, match="IS over 10 splits: needs at least 10 rows, got 9"):
        inception_score(logits(9))
    with pytest.raises(ContractError, match=r"KL: shapes \(5, 20\) and \(4, 20\); expected one row per clip in both"):
        kl_per_clip(logits(5), logits(4))
    with pytest.raises(UndefinedMetricError, match="KL: needs at least 1 row, got 0"):
        kl_per_clip(logits(0), logits(0))
    broken = logits(12)
    broken[4, 4] = np.inf
    for call in (lambda: inception_score(broken), lambda: kl_per_clip(logits(12), broken)):
        with pytest.raises(ContractError, match="NaN or infinity in 1 row of 12, first in row 4"):
            call()
