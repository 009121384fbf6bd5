"""MMAudio's codec is its mel, its VAE and its vocoder, one after the other (SPEC M1, M2)."""

from __future__ import annotations

import pytest
import torch

from model.codec.bigvgan import BigVGAN, BigVGANSizes
from model.codec.mel import Mel, MelSizes
from model.codec.mmaudio import MMAudioCodec
from model.codec.mmaudio_vae import MelVAE, VAESizes

MEL = MelSizes(sample_rate_hz=8_000, window=64, hop=16, bands=6, log="natural")
VOCODER = BigVGANSizes(
    num_mels=6, upsample_rates=(4, 4), upsample_kernel_sizes=(8, 8), upsample_initial_channel=8,
    resblock_kernel_sizes=(3,), resblock_dilations=(1,),
)  # fmt: skip


@pytest.fixture
def codec() -> MMAudioCodec:
    torch.manual_seed(0)
    vae = MelVAE(VAESizes(bands=6, latent_dim=3, width=8))
    vae.normalise_rows()
    return MMAudioCodec(Mel(MEL), vae, BigVGAN(VOCODER)).eval().requires_grad_(False)


@pytest.mark.parametrize("frames", [2, 9])
def test_two_mel_hops_are_one_latent_frame(codec: MMAudioCodec, frames: int) -> None:
    audio = torch.randn(2, 1, 32 * frames) * 0.1
    mean, std = codec.posterior(audio)
    assert mean.shape == std.shape == (2, 3, frames)
    assert codec.waveform(mean).shape == audio.shape


def test_encoding_is_the_vae_of_the_mel_and_decoding_the_vocoder_of_the_vaes_mel(codec: MMAudioCodec) -> None:
    audio = torch.randn(1, 1, 320) * 0.1
    mean, std = codec.posterior(audio)
    expected = codec.vae.posterior(codec.mel(audio[:, 0]))
    assert torch.equal(mean, expected[0]) and torch.equal(std, expected[1])
    assert torch.equal(codec.waveform(mean), codec.vocoder(codec.vae.mel(mean)))


def test_silence_stays_finite(codec: MMAudioCodec) -> None:
    mean, std = codec.posterior(torch.zeros(1, 1, 320))
    assert bool(mean.isfinite().all()) and float(std.min()) > 0
    assert bool(codec.waveform(mean).isfinite().all())
