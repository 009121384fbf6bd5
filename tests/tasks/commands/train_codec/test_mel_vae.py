"""The mel-VAE's training: principal components first, then fewer errors than they make."""

from __future__ import annotations

import pytest
import torch

from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.mel_vae import MelVAETrainer, principal_components
from tests.tasks.commands.train_codec.tiny import HOP, MEL, with_settings


@pytest.fixture(scope="module")
def segments() -> Segments:
    return Segments.render(MEL, HOP)


def test_components_are_orthonormal_ordered_and_explain_what_svd_says() -> None:
    rows = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor([5.0, 3, 2, 1, 0.5, 0.1])
    mean, components, deviations = principal_components(rows, 3)
    centred = rows - rows.mean(0)
    assert torch.allclose(mean, rows.mean(0), atol=1e-5)
    assert torch.allclose(components @ components.T, torch.eye(3), atol=1e-5)
    assert torch.allclose(deviations, torch.linalg.svdvals(centred)[:3] / 199**0.5, rtol=1e-4)
    assert torch.allclose((centred @ components.T).std(0), deviations, rtol=1e-4)
    assert bool((components.gather(1, components.abs().argmax(1, keepdim=True)) > 0).all())


def test_a_fresh_network_is_the_principal_components(segments: Segments) -> None:
    """Before the first step the convolutions add nothing: the round trip of levels is the PCA's projection."""
    trainer = MelVAETrainer(MEL)
    trainer.initialise(segments)
    network = trainer.network.requires_grad_(False)
    batches = [segments.batch(-1 - index) for index in range(MEL.mel_vae.start_batches)]
    level_RD = torch.cat([network.levels(batch).transpose(1, 2).flatten(0, 1) for batch in batches])
    mean, components, _ = principal_components(level_RD, 4)
    projected_RD = (level_RD - mean) @ components.T @ components + mean
    made_RD = network.decoder(network.encoder(level_RD.T[None]))[0].T
    assert torch.allclose(made_RD, projected_RD, atol=1e-3)


def test_weak_channels_stay_small(segments: Segments) -> None:
    trainer = MelVAETrainer(with_settings(MEL, least_scale=0.5))
    trainer.initialise(segments)
    network = trainer.network.requires_grad_(False)
    batches = [segments.batch(-1 - index) for index in range(MEL.mel_vae.start_batches)]
    latent_F = torch.cat([network.encoder(network.levels(batch)) for batch in batches]).transpose(1, 2).flatten(0, 1)
    spread_F = latent_F.std(0)
    assert float(spread_F[0]) == pytest.approx(1.0, abs=0.02)
    assert bool((spread_F[1:] < 1.02).all()) and float(spread_F[-1]) < 0.7


def test_an_error_of_the_latent_is_the_same_error_of_the_levels_in_every_channel(segments: Segments) -> None:
    trainer = MelVAETrainer(MEL)
    trainer.initialise(segments)
    network = trainer.network.requires_grad_(False)
    zero = network.decoder(torch.zeros(1, 4, 1) / network.gain)
    moved = [network.decoder(torch.eye(4)[None, :, index, None] / network.gain) for index in range(4)]
    sizes = torch.stack([(one - zero).norm() for one in moved])
    assert float(network.gain[0]) == 1 and bool((network.gain.diff(dim=0) <= 0).all())
    assert torch.allclose(sizes, sizes[0].expand(4), rtol=1e-3)


def test_training_lowers_the_error_of_the_components(segments: Segments) -> None:
    config = with_settings(MEL, steps=30, width=16, warmup_steps=3, lr=3e-3)
    trainer = MelVAETrainer(config)
    trainer.initialise(segments)
    errors = []
    for step in range(30):
        trainer.set_learning_rates(step, config.mel_vae)
        errors.append(float(trainer.step(segments.batch(step % 2), step)["level"]))
    assert sum(errors[-6:]) < 0.9 * sum(errors[:6])
