"""Stable Audio's VAE: sizes from its config, two channels, exact lengths."""

from __future__ import annotations

import pytest
import torch

from data_contracts import WeightsError
from model.codec.oobleck import Oobleck, OobleckSizes

CONFIG = {
    "sampling_rate": 44_100, "audio_channels": 2, "encoder_hidden_size": 8, "downsampling_ratios": [2, 5],
    "channel_multiples": [1, 2], "decoder_channels": 4, "decoder_input_channels": 4, 
    "_class_name": "AutoencoderOobleck",
}  # fmt: skip


def test_m2_the_defaults_are_stable_audio_opens() -> None:
    sizes = OobleckSizes()
    assert (sizes.hop, sizes.decoder_input_channels, sizes.audio_channels) == (2048, 64, 2)


def test_a_config_is_read_by_diffusers_names() -> None:
    sizes = OobleckSizes.from_config(CONFIG)
    assert (sizes.hop, sizes.downsampling_ratios, sizes.decoder_input_channels) == (10, (2, 5), 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_multiples": [1, 2, 4]}, "2 downsampling_ratios and 3 channel_multiples"),
        ({"encoder_hidden_size": 10}, "gives 10 channels; expected mean and scale of 4 latent channels"),
    ],
)
def test_sizes_that_make_no_vae_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        OobleckSizes.from_config({**CONFIG, **change})


@pytest.mark.parametrize("frames", [1, 6])
def test_whole_frames_come_back_on_both_channels(frames: int) -> None:
    torch.manual_seed(0)
    sizes = OobleckSizes.from_config(CONFIG)
    network = Oobleck(sizes).eval().requires_grad_(False)
    audio = torch.randn(2, 2, frames * sizes.hop) * 0.1
    mean, std = network.posterior(audio)
    assert mean.shape == std.shape == (2, 4, frames)
    assert float(std.min()) >= 1e-4
    assert network.waveform(mean).shape == audio.shape


def test_channels_are_not_exchangeable() -> None:
    torch.manual_seed(0)
    sizes = OobleckSizes.from_config(CONFIG)
    network = Oobleck(sizes).eval().requires_grad_(False)
    audio = torch.randn(1, 2, 5 * sizes.hop) * 0.1
    assert not torch.allclose(network.posterior(audio)[0], network.posterior(audio.flip(1))[0])
