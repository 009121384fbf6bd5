"""Cosines are torch's; DeSync is the mean absolute offset of the two windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.similarity import cosines, desync_per_clip


def embeddings(n: int, seed: int, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def test_cosines_are_torchs() -> None:
    first, second = embeddings(30, 1), embeddings(30, 2)
    first[4] = 0.0
    expected = torch.cosine_similarity(torch.from_numpy(first), torch.from_numpy(second), dim=-1)
    assert np.allclose(cosines(first, second), expected.numpy(), atol=1e-6)
    assert cosines(first, second)[4] == 0.0


def test_cosines_ignore_the_length_but_not_the_sign() -> None:
    first, second = embeddings(5, 3), embeddings(5, 4)
    assert np.allclose(cosines(3 * first, 0.1 * second), cosines(first, second))
    assert np.allclose(cosines(first, -second), -cosines(first, second))
    assert np.allclose(cosines(first, first), 1.0)


def test_desync_is_the_mean_of_all_windows_absolute_offsets() -> None:
    logits = np.random.default_rng(0).normal(size=(9, 2, 21)).astype(np.float32)
    grid = torch.linspace(-2, 2, 21)
    plain = [abs(grid[int(row.argmax())].item()) for window in (0, 1) for row in logits[:, window]]
    assert desync_per_clip(logits).mean() == pytest.approx(np.mean(plain), rel=1e-6)


@pytest.mark.parametrize(("place", "seconds"), [(0, 2.0), (10, 0.0), (11, 0.2), (20, 2.0)])
def test_an_offset_is_that_of_its_class(place: int, seconds: float) -> None:
    logits = np.zeros((1, 2, 21))
    logits[0, :, place] = 1.0
    assert desync_per_clip(logits) == pytest.approx([seconds])


def test_desync_refuses_other_shapes() -> None:
    with pytest.raises(ContractError, match=r"DeSync: shape \(3, 21\), expected \(clips, 2, 21\)"):
        desync_per_clip(np.zeros((3, 21)))
    with pytest.raises(ContractError, match="DeSync: NaN"):
        desync_per_clip(np.full((3, 2, 21), np.nan))
    with pytest.raises(UndefinedMetricError, match="DeSync: needs at least 1 row, got 0"):
        desync_per_clip(np.zeros((0, 2, 21)))


def test_pairs_of_other_shapes_are_refused() -> None:
    with pytest.raises(ContractError, match="one row per clip in both"):
        cosines(embeddings(3, 1), embeddings(3, 1, width=8))
