"""The project's own codec network: level and shape of patches, lengths, and what silence gives."""

from __future__ import annotations

import pytest
import torch

from model.codec.network import DACVAE, LOGVAR_RANGE, DACVAEConfig

CONFIG = DACVAEConfig(patch=4, strides=(2, 3), encoder_dim=2, decoder_dim=16, latent_dim=4)


def network() -> DACVAE:
    torch.manual_seed(0)
    return DACVAE(CONFIG).eval().requires_grad_(False)


def test_the_hop_is_the_patch_times_the_strides() -> None:
    assert CONFIG.hop == 24
    assert DACVAEConfig().hop == 640


@pytest.mark.parametrize("frames", [1, 2, 11])
def test_whole_frames_come_back_as_whole_frames(frames: int) -> None:
    codec = network()
    mean, logvar = codec.moments(torch.randn(3, 24 * frames) * 0.1)
    assert mean.shape == logvar.shape == (3, 4, frames)
    assert codec.synthesise(mean).shape == (3, 24 * frames)


def test_moments_and_posterior_agree() -> None:
    codec = network()
    audio = torch.randn(2, 240) * 0.1
    mean, logvar = codec.moments(audio)
    also_mean, std = codec.posterior(audio[:, None])
    assert torch.equal(mean, also_mean)
    assert torch.allclose(std, (0.5 * logvar).exp())
    assert torch.equal(codec.waveform(mean)[:, 0], codec.synthesise(mean))


def test_silence_and_full_scale_give_finite_moments_and_audio() -> None:
    codec = network()
    for audio in (torch.zeros(1, 240), torch.ones(1, 240), 1e-7 * torch.randn(1, 240)):
        mean, logvar = codec.moments(audio)
        assert bool(mean.isfinite().all())
        assert LOGVAR_RANGE[0] <= float(logvar.min()) and float(logvar.max()) <= LOGVAR_RANGE[1]
        assert bool(codec.synthesise(mean).isfinite().all())


def test_a_level_of_sixty_decibels_less_changes_the_level_input_alone() -> None:
    """The patches' shapes are of level one, so the encoder's input differs by a constant in one channel."""
    codec = network()
    seen: list[torch.Tensor] = []
    codec.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    audio = torch.randn(1, 240, generator=torch.Generator().manual_seed(0))
    for level in (1.0, 1e-2):
        codec.moments(level * audio)
    loud, quiet = seen
    assert torch.allclose(loud[:, :-1], quiet[:, :-1], atol=1e-3)
    assert torch.allclose(loud[:, -1] - quiet[:, -1], torch.full_like(loud[:, -1], 2.0), atol=1e-3)  # two decades


def test_the_decoders_level_stays_in_its_range() -> None:
    codec = network()
    audio = codec.synthesise(1e4 * torch.randn(1, 4, 5))
    assert bool(audio.isfinite().all())
