"""A fresh codec scaled by data: informative latents, a quiet start, and no hook left behind."""

from __future__ import annotations

import pytest
import torch

from model.codec import DACVAE, DACVAEConfig
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.start import scale_by_data
from tests.tasks.commands.train_codec.tiny import HOP, MEL


@pytest.fixture
def audio() -> torch.Tensor:
    return Segments.render(MEL, HOP).batch(0)


def fresh() -> DACVAE:
    torch.manual_seed(0)
    return DACVAE(DACVAEConfig(encoder_dim=2, decoder_dim=16, latent_dim=4))


def test_a_scaled_codec_uses_its_latent_and_its_output_range(audio: torch.Tensor) -> None:
    """Default weights shrink the signal to nothing; scaled by data, the latent is far above its own noise."""
    network = fresh()
    scale_by_data(network, audio)
    network.requires_grad_(False)
    mean, logvar = network.moments(audio)
    assert 0.5 < float(mean.std()) < 2.0
    assert float(logvar.mean()) < -3.0
    assert 1e-5 < float(network.synthesise(mean).std()) < 0.1  # quiet: a level too high would dominate every gradient


def test_scaling_is_a_pure_function_of_weights_and_audio(audio: torch.Tensor) -> None:
    one, two = fresh(), fresh()
    scale_by_data(one, audio)
    scale_by_data(two, audio)
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())


def test_hooks_are_removed_after_an_error_too(audio: torch.Tensor) -> None:
    network = fresh()
    with pytest.raises(RuntimeError):
        scale_by_data(network, audio[:, :-1])  # not whole frames
    assert not any(module._forward_hooks for module in network.modules())
    scale_by_data(network, audio)
    assert not any(module._forward_hooks for module in network.modules())
