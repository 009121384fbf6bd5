"""Meta's DAC-VAE: exact lengths, a watermark that is one fixed addition, and its layers."""

from __future__ import annotations

import pytest
import torch

from model.codec.dac_vae import DACSizes
from model.codec.meta_dacvae import BITS, MESSAGE, SIZES, MetaDACVAE, _CausalConv, _CausalUp, _SkipLSTM

SMALL = DACSizes(encoder_dim=2, rates=(2, 8, 10, 12), latent_dim=16, decoder_dim=96)


def network(*, watermark: bool = True) -> MetaDACVAE:
    torch.manual_seed(0)
    return MetaDACVAE(SMALL, 6, watermark=watermark).eval().requires_grad_(False)


def test_m2_the_published_sizes_are_25_frames_per_second() -> None:
    assert SIZES.sample_rate_hz / SIZES.hop == 25.0


@pytest.mark.parametrize("frames", [1, 3])
def test_whole_frames_come_back_as_whole_frames(frames: int) -> None:
    codec = network()
    audio = torch.randn(1, 1, frames * SMALL.hop) * 0.1
    mean, std = codec.posterior(audio)
    assert mean.shape == std.shape == (1, 6, frames)
    assert float(std.min()) >= 1e-4
    assert codec.waveform(mean).shape == audio.shape


def test_the_watermark_is_added_the_same_way_each_time_and_not_without_it() -> None:
    latent = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(1))
    marked, plain = network(), network(watermark=False)
    assert torch.equal(marked.waveform(latent), marked.waveform(latent))
    assert torch.equal(plain.waveform(latent), plain.waveform(latent))
    assert not torch.equal(marked.waveform(latent), plain.waveform(latent))
    assert float(plain.waveform(latent).abs().max()) <= 1.0  # ends in tanh


def test_both_variants_have_the_same_weights_and_latents() -> None:
    marked, plain = network(), network(watermark=False)
    assert marked.state_dict().keys() == plain.state_dict().keys()
    audio = torch.randn(1, 1, SMALL.hop) * 0.1
    assert torch.equal(marked.posterior(audio)[0], plain.posterior(audio)[0])


def test_the_message_fits_its_bits() -> None:
    assert 0 <= MESSAGE < 2**BITS
    assert MESSAGE.to_bytes(2, "big") == b"FG"


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_causal_layers_change_the_rate_exactly_and_see_no_future(stride: int) -> None:
    torch.manual_seed(0)
    down, up = _CausalConv(2, 3, kernel_size=2 * stride, stride=stride), _CausalUp(3, 2, stride)
    x = torch.randn(1, 2, 10 * stride)
    changed = x.clone()
    changed[..., -1] += 1.0
    with torch.no_grad():
        halved, other = down(x), down(changed)
        assert halved.shape == (1, 3, 10)
        assert torch.equal(halved[..., :-1], other[..., :-1])
        assert up(halved).shape == (1, 2, 10 * stride)
        assert torch.equal(up(halved)[..., : 9 * stride], up(other)[..., : 9 * stride])


def test_the_lstm_has_a_skip_around_it() -> None:
    lstm = _SkipLSTM(4).requires_grad_(False)
    for weight in lstm.parameters():
        weight.zero_()
    x = torch.randn(2, 4, 7)
    assert torch.allclose(lstm(x), x)
