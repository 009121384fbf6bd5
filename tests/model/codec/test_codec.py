"""Laws of the codec (SPEC M2): lengths, folding, the weights file, and the errors of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import ContractError
from model.codec import DACVAE, DACVAEConfig, load_codec
from model.codec.weights_file import save_weights

TINY = DACVAEConfig(encoder_dim=2, decoder_dim=16, latent_dim=4)


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("codec") / "tiny.safetensors"
    save_weights(path, DACVAE(TINY).state_dict(), TINY, name="tiny", placeholder=True, training={"step": 0})
    return path


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 16_000, 12_345])
def test_frames_are_the_samples_over_the_hop_rounded_up(tiny_file: Path, samples: int) -> None:
    codec = load_codec(str(tiny_file))
    mean, std = codec.encode(torch.randn(2, samples))
    frames = -(-samples // 640)
    assert mean.shape == std.shape == (2, frames, 4)
    assert mean.shape[1] == codec.spec.frames(samples / 16_000)
    assert codec.decode(mean).shape == (2, frames * 640)
    assert (std > 0).all() and mean.dtype == torch.float32


def test_eight_seconds_are_200_frames(tiny_file: Path) -> None:
    codec = load_codec(str(tiny_file))
    assert (codec.spec.frame_rate_hz, codec.spec.frames(8.0), codec.spec.samples(8.0)) == (25.0, 200, 128_000)


@pytest.mark.parametrize("strides", [(4, 2, 5), (5, 2, 4), (3, 7)])
def test_odd_strides_lose_no_sample(strides: tuple[int, ...]) -> None:
    config = DACVAEConfig(strides=strides, encoder_dim=2, decoder_dim=16, latent_dim=4)
    network = DACVAE(config)
    mean, _ = network.moments(torch.randn(1, 7 * config.hop))
    assert mean.shape[-1] == 7
    assert network.synthesise(mean).shape[-1] == 7 * config.hop


def test_folding_weight_norm_changes_nothing_audible() -> None:
    network = DACVAE(TINY)
    audio = torch.randn(1, 6400) * 0.1
    before = network.synthesise(network.moments(audio)[0])
    network.fold_weight_norm()
    assert not any(name.endswith("weight_g") for name in network.state_dict())
    assert torch.allclose(before, network.synthesise(network.moments(audio)[0]), atol=1e-5)


def test_padding_is_zeros_on_the_right(tiny_file: Path) -> None:
    codec = load_codec(str(tiny_file))
    audio = torch.randn(1, 1000)
    padded = torch.cat([audio, torch.zeros(1, 280)], dim=1)
    assert torch.equal(codec.encode(audio)[0], codec.encode(padded)[0])


def test_spec_carries_the_file_hash_and_the_placeholder_label(tiny_file: Path) -> None:
    spec = load_codec(str(tiny_file)).spec
    assert (spec.name, spec.std_form, spec.channels, spec.placeholder) == ("tiny", "exp_half_logvar", 1, True)
    assert len(spec.weights_sha256) == 64


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (torch.zeros(16_000), r"got audio \(16000,\)"),
        (torch.zeros(0, 16_000), r"got audio \(0, 16000\)"),
        (torch.zeros(1, 0), r"got audio \(1, 0\)"),
        (torch.zeros(1, 640, dtype=torch.int16), "got torch.int16; expected float samples"),
        (torch.full((1, 640), float("nan")), "NaN or infinite"),
        (torch.full((1, 640), float("inf")), "NaN or infinite"),
    ],
)
def test_audio_that_it_cannot_encode_is_refused(tiny_file: Path, audio: torch.Tensor, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_codec(str(tiny_file)).encode(audio)


@pytest.mark.parametrize("shape", [(25, 4), (1, 25, 5), (1, 0, 4), (0, 25, 4)])
def test_latents_of_another_shape_are_refused(tiny_file: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match=r"got a latent .*expected \(batch, frames, 4\)"):
        load_codec(str(tiny_file)).decode(torch.zeros(shape))
