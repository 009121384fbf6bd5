"""The codec's weights file: equal tensors give equal bytes; missing, damaged and foreign files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from data_contracts import WeightsError
from model.codec import DACVAE, DACVAEConfig, StackedMelConfig, StackedMelVAE, load_codec
from model.codec.weights_file import read_codec_file, save_weights, tensors_sha256

TINY = DACVAEConfig(encoder_dim=2, decoder_dim=16, latent_dim=4)


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("codec") / "tiny.safetensors"
    save_weights(path, DACVAE(TINY).state_dict(), TINY, name="tiny", placeholder=True, training={"step": 0})
    return path


def test_weights_file_holds_equal_bytes_for_equal_tensors(tiny_file: Path, tmp_path: Path) -> None:
    tensors, header, config = read_codec_file(tiny_file)
    again = tmp_path / "again.safetensors"
    save_weights(again, tensors, config, name="tiny", placeholder=True, training=header["training"])
    assert config == TINY
    assert again.read_bytes() == tiny_file.read_bytes()


def test_both_kinds_come_back_as_what_they_were_saved(tiny_file: Path, tmp_path: Path) -> None:
    sizes = StackedMelConfig(width=8, latent_dim=4)
    path = tmp_path / "mel.safetensors"
    network = StackedMelVAE(sizes)
    half = {name: value.half() if value.ndim > 2 else value for name, value in network.state_dict().items()}
    save_weights(path, half, sizes, name="mel", placeholder=True, training={"step": 0})
    assert read_codec_file(path)[2] == sizes and read_codec_file(path)[1]["kind"] == "mel-vae"
    assert read_codec_file(tiny_file)[1]["kind"] == "dac-vae"
    codec = load_codec(str(path))
    assert (codec.spec.std_form, codec.spec.latent_dim, codec.spec.hop) == ("constant", 4, 640)
    mean, std = codec.encode(torch.zeros(1, 640))
    assert mean.dtype == torch.float32 and torch.allclose(std, torch.full_like(std, sizes.latent_std))


def test_a_dac_vae_of_the_format_before_still_loads(tiny_file: Path, tmp_path: Path) -> None:
    tensors, header, _ = read_codec_file(tiny_file)
    del header["kind"]
    old = load_codec(rewritten(tmp_path, tensors, {**header, "format": "foleygenex-codec-2"}))
    audio = torch.randn(1, 1280)
    assert torch.equal(old.encode(audio)[0], load_codec(str(tiny_file)).encode(audio)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "wave-vae"}, "kind 'wave-vae' is unknown; this version reads mel-vae, dac-vae"),
        ({"kind": "mel-vae"}, "the header's sizes are not those of a mel-vae"),
    ],
)
def test_unknown_kinds_and_sizes_of_another_are_refused(
    tiny_file: Path, tmp_path: Path, change: dict, message: str
) -> None:
    tensors, header, _ = read_codec_file(tiny_file)
    with pytest.raises(WeightsError, match=message):
        load_codec(rewritten(tmp_path, tensors, {**header, **change}))


def test_missing_weights_say_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="train-codec"):
        load_codec(str(tmp_path / "none.safetensors"))
    with pytest.raises(WeightsError, match="embedded_16k"):
        load_codec("no_such_codec")


def test_damaged_foreign_and_misfit_weights_are_refused(tiny_file: Path, tmp_path: Path) -> None:
    tensors, header, _ = read_codec_file(tiny_file)
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


def test_header_is_readable_without_the_tensors(tiny_file: Path) -> None:
    with safe_open(str(tiny_file), framework="np") as file:
        header = json.loads(file.metadata()["codec"])
    assert header["config"]["strides"] == [4, 2, 5]
    assert header["config"]["patch"] * np.prod(header["config"]["strides"]) == 640


def rewritten(folder: Path, tensors: dict, header: dict) -> str:
    path = folder / "rewritten.safetensors"
    save_file(tensors, str(path), metadata={"codec": json.dumps(header)})
    return str(path)


def test_tensors_sizes_and_training_come_back(tiny_file: Path) -> None:
    tensors, header, config = read_codec_file(tiny_file)
    assert config == TINY
    assert (header["name"], header["placeholder"], header["training"]) == ("tiny", True, {"step": 0})
    network = DACVAE(TINY)
    network.load_state_dict(tensors, strict=True)


def test_the_hash_sees_names_types_shapes_and_values() -> None:
    tensors = {"a": torch.arange(6.0), "b": torch.ones(2)}
    base = tensors_sha256(tensors)
    assert tensors_sha256(dict(reversed(tensors.items()))) == base
    for changed in (
        {**tensors, "a": torch.arange(6.0).reshape(2, 3)},
        {**tensors, "a": torch.arange(6)},
        {**tensors, "a": torch.arange(6.0) + 1e-6},
        {"c": tensors["a"], "b": tensors["b"]},
        {"a": tensors["a"]},
    ):
        assert tensors_sha256(changed) != base
