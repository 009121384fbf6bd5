"""The mel-VAE's network: lengths, what the gain does, independence of the batch, and a start at its linear maps."""

from __future__ import annotations

import pytest
import torch

from model.codec.mel_vae import StackedMelConfig, StackedMelVAE

SMALL = StackedMelConfig(window=128, mel_hop=40, bands=24, stack=2, width=8, latent_dim=5, latent_std=0.1)


@pytest.fixture
def network() -> StackedMelVAE:
    torch.manual_seed(0)
    return StackedMelVAE(SMALL).eval().requires_grad_(False)


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_sizes_follow_from_the_config() -> None:
    default = StackedMelConfig()
    assert (default.hop, default.features, default.sample_rate_hz / default.hop) == (640, 512, 25.0)
    assert (SMALL.hop, SMALL.features) == (80, 48)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_whole_frames_come_back_as_whole_frames(network: StackedMelVAE, frames: int) -> None:
    mean, std = network.posterior(noise(3, 1, 80 * frames))
    assert mean.shape == std.shape == (3, 5, frames)
    assert network.waveform(mean).shape == (3, 1, 80 * frames)


def test_stacking_and_unstacking_are_inverse(network: StackedMelVAE) -> None:
    audio = noise(2, 800)
    assert torch.equal(network.frames(network.levels(audio)), network.log_mel(audio))


def test_an_items_result_does_not_depend_on_its_batch(network: StackedMelVAE) -> None:
    audio = noise(3, 1, 1600)
    mean, _ = network.posterior(audio)
    made = network.waveform(mean)
    for index in range(3):
        alone, _ = network.posterior(audio[index, None])
        assert torch.equal(alone[0], mean[index])
        assert torch.equal(network.waveform(alone)[0], made[index])


def test_a_gain_scales_mean_and_deviation_and_changes_no_audio(network: StackedMelVAE) -> None:
    audio = noise(1, 1, 800)
    mean, std = network.posterior(audio)
    made = network.waveform(mean)
    assert torch.allclose(std, torch.full_like(std, 0.1))
    network.gain.copy_(torch.tensor([4.0, 2.0, 1.0, 0.5, 0.25])[:, None])
    scaled_mean, scaled_std = network.posterior(audio)
    assert torch.allclose(scaled_mean, network.gain * mean) and torch.allclose(scaled_std, network.gain * std)
    assert torch.equal(network.waveform(scaled_mean), made)  # the gains are powers of two


def test_a_fresh_network_is_its_linear_maps(network: StackedMelVAE) -> None:
    level = network.levels(noise(1, 800))
    assert torch.allclose(network.encoder(level), network.encoder.linear(level))
    latent = network.encoder(level)
    assert torch.allclose(network.decoder(latent), network.decoder.linear(latent), atol=1e-6)


def test_the_decoder_works_in_its_inputs_precision(network: StackedMelVAE) -> None:
    latent = noise(1, 5, 7)
    wide = network.decoder(latent.double())
    assert wide.dtype == torch.float64
    assert torch.allclose(wide.float(), network.decoder(latent), atol=1e-5)


def test_a_latent_far_outside_gives_bounded_audio(network: StackedMelVAE) -> None:
    for scale in (1e3, -1e3):
        audio = network.waveform(scale * torch.ones(1, 5, 10))
        assert bool(audio.isfinite().all()) and float(audio.abs().max()) < 100
