"""The published DAC-VAE: sizes from a file's arguments, exact lengths for any strides, folding of weight norm."""

from __future__ import annotations

import pytest
import torch

from data_contracts import WeightsError
from model.codec.dac_vae import ContinuousDAC, DACSizes, fold_weight_norm

SMALL = DACSizes(encoder_dim=2, rates=(2, 3), latent_dim=4, decoder_dim=16)


def network(sizes: DACSizes = SMALL) -> ContinuousDAC:
    torch.manual_seed(0)
    return ContinuousDAC(sizes).eval().requires_grad_(False)


def test_m2_no_arguments_are_the_published_sizes() -> None:
    assert DACSizes.from_kwargs({}) == DACSizes()
    assert (DACSizes().hop, DACSizes().sample_rate_hz / DACSizes().hop) == (960, 50.0)


def test_arguments_are_read_by_dacs_names() -> None:
    kwargs = {
        "encoder_dim": 4, "encoder_rates": [2, 3], "decoder_rates": [3, 2], "latent_dim": 8, "decoder_dim": 32,
        "sample_rate": 16_000, "n_codebooks": 9,
    }  # fmt: skip
    found = DACSizes.from_kwargs(kwargs)
    assert found == DACSizes(sample_rate_hz=16_000, encoder_dim=4, rates=(2, 3), latent_dim=8, decoder_dim=32)
    assert found.hop == 6


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"continuous": False}, "quantising DAC"),
        ({"encoder_rates": [2, 3], "decoder_rates": [2, 3]}, r"\(2, 3\) do not mirror encoder_rates \(2, 3\)"),
        ({"decoder_rates": [8, 5, 4]}, "do not mirror"),
    ],
)
def test_other_networks_are_refused(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        DACSizes.from_kwargs(kwargs)


@pytest.mark.parametrize("rates", [(2, 3), (3, 2), (5, 3), (4, 4)])
@pytest.mark.parametrize("frames", [1, 7])
def test_whole_frames_come_back_as_whole_frames(rates: tuple[int, ...], frames: int) -> None:
    sizes = DACSizes(encoder_dim=2, rates=rates, latent_dim=4, decoder_dim=16)
    codec = network(sizes)
    mean, std = codec.posterior(torch.randn(2, 1, frames * sizes.hop) * 0.1)
    assert mean.shape == std.shape == (2, 4, frames)
    audio = codec.waveform(mean)
    assert audio.shape == (2, 1, frames * sizes.hop)
    assert float(audio.abs().max()) <= 1.0


def test_deviations_are_positive_and_finite_however_extreme_the_moments() -> None:
    codec = network()
    codec.quant_conv.bias[4:] = torch.tensor([1e6, -1e6, 0.0, 5.0])
    _, std = codec.posterior(torch.randn(1, 1, 60))
    assert bool(std.isfinite().all()) and float(std.min()) > 0


def test_folding_weight_norm_changes_no_output() -> None:
    codec = network()
    audio = torch.randn(1, 1, 60) * 0.1
    before = codec.posterior(audio)[0], codec.waveform(codec.posterior(audio)[0])
    fold_weight_norm(codec)
    assert not any(name.endswith(("weight_g", "weight_v")) for name in codec.state_dict())
    after = codec.posterior(audio)[0], codec.waveform(codec.posterior(audio)[0])
    assert torch.allclose(before[0], after[0], atol=1e-5) and torch.allclose(before[1], after[1], atol=1e-5)
    fold_weight_norm(codec)  # nothing is left to fold
