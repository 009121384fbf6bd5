"""A step's random draws: their order is fixed, drops only take away, given frames cost nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from model.config import MaskConfig, TrainingConfig
from model.masks import TrainingMasks
from model.network import Features
from model.specs import SyncPart
from model.training.batches import Batch
from model.training.draws import Draws, batch_errors, draw_step, each_tensor, with_drops
from tests.model.networks import B, N, awake, features

SHAPE = torch.Size((64, 20, 4))


def drawn(config: TrainingConfig | None = None, seed: int = 0, shape: torch.Size = SHAPE) -> Draws:
    return draw_step(shape, config or TrainingConfig(), torch.Generator().manual_seed(seed))


def test_equal_generators_give_equal_draws_of_the_asked_shapes() -> None:
    one, two, other = drawn(), drawn(), drawn(seed=1)
    assert torch.equal(one.t_B, two.t_B) and torch.equal(one.noise_BNF, two.noise_BNF)
    assert torch.equal(one.masks.mask_BN, two.masks.mask_BN)
    assert not torch.equal(one.noise_BNF, other.noise_BNF)
    assert one.t_B.shape == (64,) and one.noise_BNF.shape == SHAPE and one.masks.mask_BN.shape == (64, 20)
    assert bool(((one.t_B > 0) & (one.t_B < 1)).all())


def test_mask_settings_change_neither_times_nor_noise() -> None:
    """Time and noise are drawn before the masks, so runs with other masks can be compared."""
    other = dataclasses.replace(TrainingConfig(), masks=MaskConfig(span_low=0.2, drop_text=0.9))
    one, two = drawn(), drawn(other)
    assert torch.equal(one.t_B, two.t_B) and torch.equal(one.noise_BNF, two.noise_BNF)
    assert not torch.equal(one.masks.mask_BN, two.masks.mask_BN)


@pytest.mark.parametrize("location", [-1.0, 0.0, 1.0])
def test_t1_flow_times_follow_their_location(location: float) -> None:
    config = TrainingConfig(time_location=location, time_spread=0.5)
    times = drawn(config, shape=torch.Size((20_000, 1, 1))).t_B
    logits = torch.logit(times.double())
    assert float(logits.mean()) == pytest.approx(location, abs=0.02)
    assert float(logits.std()) == pytest.approx(0.5, abs=0.02)


def test_rows_without_video_may_have_flow_times_of_their_own() -> None:
    rows = 20_000
    has_video = torch.arange(rows) % 2 == 0
    config = TrainingConfig(tta_time_location=-2.0, tta_time_spread=1.5)
    usual, own = (
        torch.logit(draw_step(torch.Size((rows, 1, 1)), one, torch.Generator().manual_seed(0), has_video).t_B.double())
        for one in (TrainingConfig(), config)
    )
    assert torch.equal(own[has_video], usual[has_video])
    assert torch.allclose(own[~has_video], -2.0 + 1.5 * usual[~has_video], atol=0.02)


def test_without_kinds_all_rows_have_the_times_of_rows_with_video() -> None:
    own = TrainingConfig(tta_time_location=-2.0, tta_time_spread=1.5)
    assert torch.equal(drawn(own).t_B, drawn().t_B)


def test_each_tensor_reaches_nested_records_and_changes_a_copy() -> None:
    draws = drawn()
    doubled = each_tensor(draws, lambda tensor: tensor.double())
    assert doubled.t_B.dtype == doubled.masks.mask_BN.dtype == doubled.noise_BNF.dtype == torch.float64
    assert draws.t_B.dtype == torch.float32 and draws.masks.mask_BN.dtype == torch.bool
    assert type(doubled.masks) is TrainingMasks


def test_each_tensor_keeps_what_is_no_tensor() -> None:
    placed = dataclasses.replace(features(), sync_parts=(SyncPart(8, 20, 20),))
    assert each_tensor(placed, lambda tensor: tensor.clone()).sync_parts == placed.sync_parts


def masks(*, keep: bool) -> TrainingMasks:
    kept = torch.full((B,), keep)
    return TrainingMasks(torch.ones(B, N, dtype=torch.bool), kept, kept, kept, kept)


def has(made: Features) -> list[torch.Tensor]:
    return [made.has_clip_B, made.has_sync_B, made.has_text_B]


def test_t2_a_drop_only_takes_away() -> None:
    there = features()
    missing = there.absent()
    assert all(bool(one.all()) for one in has(with_drops(there, masks(keep=True))))
    assert not any(bool(one.any()) for one in has(with_drops(there, masks(keep=False))))
    assert not any(bool(one.any()) for one in has(with_drops(missing, masks(keep=True))))
    assert with_drops(there, masks(keep=False)).clip_BVC is there.clip_BVC


def test_m10_given_frames_have_no_error_and_a_dropped_reference_is_not_seen() -> None:
    network = awake()
    batch = Batch(torch.randn(B, N, 4, generator=torch.Generator().manual_seed(4)), features())
    mask = torch.zeros(B, N, dtype=torch.bool)
    mask[:, 20:] = True
    kept = torch.ones(B, dtype=torch.bool)
    noise, times = torch.randn(B, N, 4, generator=torch.Generator().manual_seed(5)), torch.tensor([0.3, 0.8])

    def errors(keep_reference: bool, latent: torch.Tensor) -> torch.Tensor:
        drawn = Draws(times, noise, TrainingMasks(mask, torch.full((B,), keep_reference), kept, kept, kept))
        with torch.no_grad():
            return batch_errors(network, Batch(latent, batch.features), drawn)

    with_reference = errors(True, batch.latent_BNF)
    assert float(with_reference[:, :20].abs().max()) == 0
    assert float(with_reference[:, 20:].min()) > 0
    assert not torch.allclose(with_reference, errors(False, batch.latent_BNF))
