"""BigVGAN: sizes from its config, lengths, bounded output, and activations that do not alias."""

from __future__ import annotations

import math

import pytest
import torch

from data_contracts import WeightsError
from model.codec.bigvgan import BIGVGAN_16K, BigVGAN, BigVGANSizes, _Activation, _double, _halve, low_pass

SMALL = BigVGANSizes(
    num_mels=6, upsample_rates=(4, 2), upsample_kernel_sizes=(8, 4), upsample_initial_channel=8,
    resblock_kernel_sizes=(3, 5), resblock_dilations=(1, 3),
)  # fmt: skip
CONFIG = {"resblock": "1", "activation": "snakebeta", "snake_logscale": True}


def vocoder(**changes: object) -> BigVGAN:
    torch.manual_seed(0)
    return BigVGAN(BigVGANSizes(**({name: getattr(SMALL, name) for name in SMALL.__slots__} | changes))).eval()


def test_m1_the_published_hops_are_mmaudios() -> None:
    assert BigVGANSizes().hop == 512
    assert BIGVGAN_16K.hop == 256


def test_a_config_is_read_by_bigvgans_names() -> None:
    config = {
        **CONFIG, "num_mels": 100, "upsample_rates": [4, 4], "upsample_kernel_sizes": [8, 8],
        "resblock_dilation_sizes": [[1, 3], [1, 3]], "use_tanh_at_final": False, "segment_size": 65536,
    }  # fmt: skip
    sizes = BigVGANSizes.from_config(config)
    assert (sizes.num_mels, sizes.hop, sizes.resblock_dilations) == (100, 16, (1, 3))
    assert (sizes.use_tanh_at_final, sizes.use_bias_at_final) == (False, True)  # version 1's default where unset


@pytest.mark.parametrize("change", [{"resblock": "2"}, {"activation": "snake"}, {"snake_logscale": False}])
def test_other_kinds_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="resblock 1, activation snakebeta"):
        BigVGANSizes.from_config({**CONFIG, **change})
    with pytest.raises(WeightsError, match="different dilations"):
        BigVGANSizes.from_config({**CONFIG, "resblock_dilation_sizes": [[1, 3], [1, 5]]})


@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("frames", [1, 9])
def test_a_mel_frame_gives_hop_samples_within_full_scale(tanh: bool, frames: int) -> None:
    network = vocoder(use_tanh_at_final=tanh)
    with torch.no_grad():
        audio = network(50 * torch.randn(2, 6, frames, generator=torch.Generator().manual_seed(1)))
    assert audio.shape == (2, 1, 8 * frames)
    assert float(audio.abs().max()) <= 1.0


def test_only_version_one_has_a_bias_at_the_end() -> None:
    assert "conv_post.bias" not in vocoder().state_dict()
    assert "conv_post.bias" in vocoder(use_bias_at_final=True).state_dict()


def test_the_filter_is_symmetric_and_keeps_a_constant() -> None:
    taps = low_pass().flatten()
    assert torch.allclose(taps, taps.flip(0), atol=1e-6)
    assert float(taps.sum()) == pytest.approx(1.0)
    constant = torch.full((1, 2, 50), 0.7)
    assert torch.allclose(_double(constant, low_pass()), torch.full((1, 2, 100), 0.7), atol=2e-3)
    assert torch.allclose(_halve(constant, low_pass()), torch.full((1, 2, 25), 0.7), atol=2e-3)


def test_doubling_and_halving_a_low_tone_gives_it_back() -> None:
    tone = torch.sin(2 * math.pi * 0.05 * torch.arange(400.0))[None, None]
    again = _halve(_double(tone, low_pass()), low_pass())
    assert again.shape == tone.shape
    assert float((again - tone)[..., 20:-20].abs().max()) < 0.02


def test_an_activation_keeps_length_and_starts_as_snake() -> None:
    activation = _Activation(3)
    x = torch.randn(1, 3, 40, generator=torch.Generator().manual_seed(0)) * 0.1
    slow = torch.nn.functional.avg_pool1d(x, 9, 1, 4)  # far below the cut-off
    with torch.no_grad():
        found = activation(slow)
    expected = slow + torch.sin(slow).square()
    assert found.shape == slow.shape
    assert float((found - expected)[..., 10:-10].abs().max()) < 0.02
