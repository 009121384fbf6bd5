"""MMAudio's mel VAE: frames halved and doubled, activations of unit size, rows normalised once."""

from __future__ import annotations

import math

import pytest
import torch

from model.codec.mmaudio_vae import MelVAE, VAESizes, _Attention, _Conv, _silu, _sum, _unit

SIZES = VAESizes(bands=8, latent_dim=3, width=16)


def vae() -> MelVAE:
    torch.manual_seed(0)
    network = MelVAE(SIZES).eval().requires_grad_(False)
    network.normalise_rows()
    return network


@pytest.mark.parametrize("frames", [1, 5, 20])
def test_two_mel_frames_are_one_latent_frame(frames: int) -> None:
    network = vae()
    mean, std = network.posterior(torch.randn(2, 8, 2 * frames))
    assert mean.shape == std.shape == (2, 3, frames)
    assert network.mel(mean).shape == (2, 8, 2 * frames)
    assert float(std.min()) > 0


def test_the_mel_is_normalised_by_the_files_statistics() -> None:
    network = vae()
    mel = torch.randn(1, 8, 12)
    plain = network.posterior(mel)[0]
    network.data_mean.fill_(3.0)
    network.data_std.fill_(2.0)
    assert torch.allclose(network.posterior(2 * mel + 3)[0], plain, atol=1e-5)


def test_decoding_returns_to_the_mels_own_scale() -> None:
    network = vae()
    latent = torch.randn(1, 3, 6)
    plain = network.mel(latent)
    network.data_mean.fill_(3.0)
    network.data_std.fill_(2.0)
    assert torch.allclose(network.mel(latent), 2 * plain + 3, atol=1e-5)


def test_normalised_rows_have_length_one_and_normalising_again_changes_nothing() -> None:
    network = vae()
    for module in network.modules():
        if isinstance(module, _Conv):
            lengths = module.weight.flatten(1).norm(dim=1)
            assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.normalise_rows()
    assert all(torch.allclose(value, before[name], atol=1e-3) for name, value in network.state_dict().items())


def test_operations_keep_unit_size() -> None:
    x, y = torch.randn(4, 64, 200), torch.randn(4, 64, 200)
    for made in (_silu(x), _sum(x, y), _unit(5 * x, dims=(1,))):
        assert float(made.square().mean().sqrt()) == pytest.approx(1.0, abs=0.02)
    assert torch.allclose(_unit(5 * x, (1,)), _unit(x, (1,)), atol=1e-3)


def test_attention_sees_all_frames_and_its_output_follows_their_order() -> None:
    torch.manual_seed(0)
    attention = _Attention(16).requires_grad_(False)
    x = torch.randn(1, 16, 30)
    changed = x.clone()
    changed[..., 0] += 1.0
    assert bool(((attention(x) - attention(changed)).abs().sum(1)[0] > 0).all())
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(attention(x[..., order]), attention(x)[..., order], atol=1e-5)


def test_the_gain_scales_the_moments() -> None:
    network = vae()
    mel = torch.randn(1, 8, 12)
    plain = network.posterior(mel)[0]
    network.encoder.learnable_gain.fill_(1.0)
    assert torch.allclose(network.posterior(mel)[0], 2 * plain, atol=1e-5)
    assert math.isfinite(float(network.posterior(mel)[1].max()))
