"""The differentiated part of a step: errors in fp32, one mean per sample, and gradients for masked frames only."""

from __future__ import annotations

import torch

from model.config import MaskConfig, TrainingConfig
from model.training.batches import Batch
from model.training.draws import draw_step
from model.training.step import FlowLoss, sample_losses
from tests.model.networks import B, N, awake, features


def step(seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    batch = Batch(torch.randn(B, N, 4, generator=generator), features(seed))
    return batch, draw_step(batch.latent_BNF.shape, TrainingConfig(masks=MaskConfig(drop_reference=0.0)), generator)


def test_errors_are_fp32_under_bf16_too_and_near_the_exact_ones() -> None:
    network = awake()
    batch, draws = step()
    with torch.no_grad():
        exact, rounded = (FlowLoss(network, bf16=bf16)(batch, draws) for bf16 in (False, True))
    assert exact.dtype == rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    assert torch.allclose(exact.sum(), rounded.sum(), rtol=0.05)


def test_weights_stay_fp32_and_get_gradients() -> None:
    network = awake()
    batch, draws = step(1)
    FlowLoss(network, bf16=True)(batch, draws).sum().backward()
    for name, weight in network.named_parameters():
        assert weight.dtype == torch.float32
        assert weight.grad is not None, name
        assert weight.grad.dtype == torch.float32 and bool(weight.grad.isfinite().all()), name


def test_a_samples_loss_is_the_mean_over_its_masked_frames() -> None:
    mask = torch.tensor([[True, True, False, True], [False, False, False, True]])
    errors = torch.tensor([[1.0, 2.0, 9.0, 3.0], [9.0, 9.0, 9.0, 5.0]]) * mask
    assert sample_losses(errors, mask).tolist() == [2.0, 5.0]
    whole = torch.ones(2, 4, dtype=torch.bool)
    assert torch.allclose(sample_losses(errors, whole), errors.mean(1))


def test_the_mean_of_a_batch_is_the_sample_losses_weighted_by_their_frames() -> None:
    batch, draws = step(2)
    with torch.no_grad():
        errors = FlowLoss(awake(), bf16=False)(batch, draws)
    mask = draws.masks.mask_BN
    by_sample = sample_losses(errors, mask)
    counts = mask.sum(1)
    assert torch.allclose((by_sample * counts).sum() / counts.sum(), errors.sum() / mask.sum())
