"""Laws of the codec (SPEC M2): lengths, folding, the weights file, and the errors of a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from data_contracts import WeightsError
from model.codec import DACVAE, DACVAEConfig, load_codec
from model.codec.weights_file import read_weights, save_weights, tensors_sha256

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


def test_spec_carries_the_file_hash_and_the_stand_in_label(tiny_file: Path) -> None:
    spec = load_codec(str(tiny_file)).spec
    assert (spec.name, spec.std_form, spec.channels, spec.placeholder) == ("tiny", "exp_half_logvar", 1, True)
    assert len(spec.weights_sha256) == 64


def test_weights_file_holds_equal_bytes_for_equal_tensors(tiny_file: Path, tmp_path: Path) -> None:
    tensors, header, config = read_weights(tiny_file)
    again = tmp_path / "again.safetensors"
    save_weights(again, tensors, config, name="tiny", placeholder=True, training=header["training"])
    assert config == TINY
    assert again.read_bytes() == tiny_file.read_bytes()


def test_missing_weights_say_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="train-codec"):
        load_codec(str(tmp_path / "none.safetensors"))
    with pytest.raises(WeightsError, match="embedded_16k"):
        load_codec("no_such_codec")


def test_damaged_foreign_and_misfit_weights_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    tensors, header, _ = read_weights(tiny_file)
    first = sorted(tensors)[0]
    damaged = {**tensors, first: tensors[first] + 1}
    with pytest.raises(WeightsError, match="damaged"):
        load_codec(rewritten(tmp_path, damaged, header))
    short = {name: tensors[name] for name in sorted(tensors)[1:]}
    with pytest.raises(WeightsError, match="do not fit"):
        load_codec(rewritten(tmp_path, short, {**header, "tensors_sha256": tensors_sha256(short)}))
    with pytest.raises(WeightsError, match="format"):
        load_codec(rewritten(tmp_path, tensors, {**header, "format": "other"}))
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WeightsError, match="safetensors"):
        load_codec(str(tmp_path / "text.safetensors"))
    save_file(tensors, str(tmp_path / "bare.safetensors"))
    with pytest.raises(WeightsError, match="header"):
        load_codec(str(tmp_path / "bare.safetensors"))


def rewritten(folder: Path, tensors: dict, header: dict) -> str:
    path = folder / "rewritten.safetensors"
    save_file(tensors, str(path), metadata={"codec": json.dumps(header)})
    return str(path)


def test_header_is_readable_without_the_tensors(tiny_file: Path) -> None:
    with safe_open(str(tiny_file), framework="np") as file:
        header = json.loads(file.metadata()["codec"])
    assert header["config"]["strides"] == [4, 2, 5]
    assert header["config"]["patch"] * np.prod(header["config"]["strides"]) == 640
