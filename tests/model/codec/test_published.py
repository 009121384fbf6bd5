"""Codecs in the published layouts (SPEC M1, M2): against plain references, lengths, and how files are read."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data_contracts import ContractError
from model.codec import Codec, load_codec
from model.codec.bigvgan import low_pass
from model.codec.mel import MEL_44K, Mel
from model.weights.catalogue import COMPONENTS
from model.weights.digests import digest
from tests.model.codec import published, reference

LAYOUTS = ("moss-dacvae", "meta-dacvae", "meta-dacvae-plain", "oobleck", "mmaudio-44k", "mmaudio-16k")


def sound(samples: int, batch: int = 1) -> torch.Tensor:
    return 0.3 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("length", [(1, 1), (2, 0), (3, -1)], ids=["one over", "exact", "one under"])
def test_frames_are_samples_over_the_hop_rounded_up(
    codecs: dict[str, Codec], name: str, length: tuple[int, int]
) -> None:
    codec = codecs[name]
    samples = length[0] * codec.spec.hop + length[1]
    mean, std = codec.encode(sound(samples, batch=2))
    frames = -(-samples // codec.spec.hop)
    assert mean.shape == std.shape == (2, frames, codec.spec.latent_dim)
    assert mean.dtype == std.dtype == torch.float32 and mean.isfinite().all() and (std > 0).all()
    audio = codec.decode(mean)
    assert audio.shape == (2, frames * codec.spec.hop) and audio.abs().max() <= 1
    assert codec.decode_channels(mean).shape == (2, codec.spec.channels, frames * codec.spec.hop)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_file_says_what_the_spec_says(codecs: dict[str, Codec], name: str) -> None:
    spec = codecs[name].spec
    rates = {"moss": (48_000, 24, 6), "meta": (48_000, 1920, 6), "oobleck": (44_100, 32, 4)}
    expected = {**rates, "mmaudio-44k": (44_100, 1024, 5), "mmaudio-16k": (16_000, 512, 5)}
    key = name if name in expected else name.split("-")[0]
    assert (spec.sample_rate_hz, spec.hop, spec.latent_dim) == expected[key]
    assert spec.channels == (2 if name == "oobleck" else 1)
    assert spec.std_form == ("softplus" if name.startswith(("meta", "oobleck")) else "exp_half_logvar")
    assert len(spec.weights_sha256) == 64


@pytest.mark.parametrize("name", LAYOUTS)
def test_random_weights_are_never_passed_off_as_published(codecs: dict[str, Codec], name: str) -> None:
    assert codecs[name].spec.placeholder


@pytest.mark.parametrize(("name", "is_placeholder"), [("tencent-dacvae", True), ("moss-dacvae", False)])
def test_a_file_with_another_hash_than_the_known_one_is_a_placeholder(
    name: str, is_placeholder: bool, tmp_path: Path
) -> None:
    """MOSS published no hash."""
    path = tmp_path / "vae.pth"
    torch.save({"state_dict": published.dac_vae(), "metadata": {"kwargs": published.DAC_KWARGS}}, path)
    assert load_codec(f"{name}:{path}").spec.placeholder == is_placeholder


def test_the_published_file_is_known_by_either_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vae.pth"
    torch.save({"state_dict": published.dac_vae(), "metadata": {"kwargs": published.DAC_KWARGS}}, path)
    for hashes in ({"sha256": digest(path), "md5": None}, {"sha256": None, "md5": digest(path, "md5")}):
        entry = COMPONENTS["tencent-dacvae"]
        file = dataclasses.replace(entry.files[0], **hashes)
        monkeypatch.setitem(COMPONENTS, entry.name, dataclasses.replace(entry, files=(file,)))
        assert not load_codec(f"tencent-dacvae:{path}").spec.placeholder


def test_moss_computes_the_reference(codecs: dict[str, Codec]) -> None:
    tensors, audio = published.dac_vae(), sound(10 * 24)
    mean, std = codecs["moss-dacvae"].encode(audio)
    hidden = reference.dac_encode(tensors, audio[:, None], published.RATES)
    expected, logvar = reference.conv(tensors, "quant_conv", hidden).chunk(2, dim=1)
    torch.testing.assert_close(mean.mT, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(std.mT, (logvar / 2).exp(), rtol=1e-4, atol=1e-4)
    decoded = reference.dac_vae_decode(tensors, expected, published.RATES)[:, 0]
    torch.testing.assert_close(codecs["moss-dacvae"].decode(expected.mT), decoded, rtol=1e-4, atol=1e-4)


def test_meta_computes_the_reference_without_its_watermark(codecs: dict[str, Codec]) -> None:
    tensors, audio = published.meta_dacvae(), sound(2 * 1920)
    plain = codecs["meta-dacvae-plain"]
    mean, std = plain.encode(audio)
    hidden = reference.dac_encode(tensors, audio[:, None], published.META_RATES)
    expected, scale = reference.conv(tensors, "quantizer.in_proj", hidden).chunk(2, dim=1)
    torch.testing.assert_close(mean.mT, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(std.mT, torch.log1p(scale.exp()) + 1e-4, rtol=1e-4, atol=1e-4)
    decoded = reference.meta_decode(tensors, expected, published.META_RATES)[:, 0]
    torch.testing.assert_close(plain.decode(expected.mT), decoded, rtol=1e-4, atol=1e-4)


def test_meta_adds_the_published_watermark_the_same_way_each_time(codecs: dict[str, Codec]) -> None:
    marked, plain = codecs["meta-dacvae"], codecs["meta-dacvae-plain"]
    mean, _ = marked.encode(sound(2 * 1920))
    assert marked.spec == plain.spec and torch.equal(mean, plain.encode(sound(2 * 1920))[0])
    first, bare = marked.decode(mean), plain.decode(mean)
    assert not torch.equal(first, bare)
    assert torch.equal(first, marked.decode(mean))


def test_meta_mirrors_the_end_and_the_others_fill_with_silence(codecs: dict[str, Codec]) -> None:
    audio = sound(1920 + 1000)
    mirrored = torch.cat([audio, audio[:, 1999:2919].flip(1)], dim=1)
    assert torch.equal(codecs["meta-dacvae"].encode(audio)[0], codecs["meta-dacvae"].encode(mirrored)[0])
    short = sound(30)
    filled = torch.nn.functional.pad(short, (0, 18))
    assert torch.equal(codecs["moss-dacvae"].encode(short)[0], codecs["moss-dacvae"].encode(filled)[0])


def test_oobleck_computes_the_reference_on_two_channels(codecs: dict[str, Codec]) -> None:
    tensors, audio = published.oobleck(), sound(6 * 32, batch=2)[None]
    codec = codecs["oobleck"]
    mean, std = codec.encode(audio)
    expected, deviation = reference.oobleck_encode(tensors, audio, published.OOBLECK_RATES)
    torch.testing.assert_close(mean.mT, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(std.mT, deviation, rtol=1e-4, atol=1e-4)
    both = reference.oobleck_decode(tensors, 0.1 * expected, published.OOBLECK_RATES).clamp(-1, 1)
    torch.testing.assert_close(codec.decode_channels(0.1 * mean), both, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(codec.decode(0.1 * mean), both.mean(1), rtol=1e-4, atol=1e-4)


def test_mono_audio_goes_to_both_channels_of_a_stereo_codec(codecs: dict[str, Codec]) -> None:
    audio = sound(96)
    assert torch.equal(codecs["oobleck"].encode(audio)[0], codecs["oobleck"].encode(torch.stack([audio, audio], 1))[0])
    with pytest.raises(ContractError, match=r"got audio \(1, 3, 96\)"):
        codecs["oobleck"].encode(audio[:, None].expand(-1, 3, -1))
    with pytest.raises(ContractError, match="at least one sample"):
        codecs["moss-dacvae"].encode(torch.zeros(1, 0))


@pytest.mark.parametrize(("name", "bands", "tanh"), [("mmaudio-44k", 128, False), ("mmaudio-16k", 80, True)])
def test_mmaudio_computes_the_reference(codecs: dict[str, Codec], name: str, bands: int, tanh: bool) -> None:
    codec, tensors, vocoder = codecs[name], published.mel_vae(bands), published.vocoder(bands)
    audio = sound(3 * codec.spec.hop)
    mean, std = codec.encode(audio)
    expected, deviation = reference.mel_encode(tensors, slow_mel(audio[0], bands)[None])
    torch.testing.assert_close(mean.mT, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(std.mT, deviation, rtol=1e-3, atol=1e-3)
    latent = torch.randn(1, 2, 5, generator=torch.Generator().manual_seed(2))
    rates = (8, 4, 2, 2, 2, 2) if bands == 128 else (4, 4, 2, 2, 2, 2)
    decoded = reference.bigvgan(vocoder, reference.mel_decode(tensors, latent.mT), rates, tanh=tanh)[:, 0]
    torch.testing.assert_close(codec.decode(latent), decoded, rtol=2e-3, atol=2e-3)


def slow_mel(audio_T: torch.Tensor, bands: int) -> torch.Tensor:
    """The mel spectrogram frame by frame, by numpy's FFT and librosa's filters."""
    import librosa
    import numpy as np

    window, hop, rate = (2048, 512, 44_100) if bands == 128 else (1024, 256, 16_000)
    side = (window - hop) // 2
    padded = np.pad(audio_T.numpy().astype(np.float64).clip(-1, 1), side, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = [padded[start : start + window] * hann for start in range(0, len(padded) - window + 1, hop)]
    magnitude = np.sqrt(np.abs(np.fft.rfft(np.stack(frames), axis=1)).T ** 2 + 1e-9)
    mel = np.maximum(librosa.filters.mel(sr=rate, n_fft=window, n_mels=bands) @ magnitude, 1e-5)
    return torch.from_numpy(np.log(mel) if bands == 128 else np.log10(mel)).float()


def test_eight_seconds_give_mmaudios_690_mel_frames_and_345_latents() -> None:
    mel = Mel(MEL_44K)(sound(345 * 1024))
    assert mel.shape == (1, 128, 690) and mel.min() >= -11.52


@pytest.mark.parametrize("suffix", ["parametrized", "wrapped"])
def test_weight_norms_newer_spelling_is_read_too(files: dict[str, str], tmp_path: Path, suffix: str) -> None:
    newer = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): value
        for name, value in published.dac_vae().items()
    }
    stored = {"kwargs": published.DAC_KWARGS, "random": True}
    path = tmp_path / "new.pth"
    torch.save({"model" if suffix == "wrapped" else "state_dict": newer, "metadata": stored}, path)
    first, second = load_codec(files["moss-dacvae"]), load_codec(f"moss-dacvae:{path}")
    assert torch.equal(first.encode(sound(48))[0], second.encode(sound(48))[0])


@pytest.mark.parametrize("name", ["moss-dacvae", "meta-dacvae", "oobleck", "mmaudio-44k", "mmaudio-16k"])
def test_a_bare_path_is_recognised_by_its_key_names(files: dict[str, str], codecs: dict[str, Codec], name: str) -> None:
    assert load_codec(files[name].partition(":")[2]).spec == codecs[name].spec


def test_a_safetensors_repack_with_its_constructor_arguments_is_read_by_its_path(
    codecs: dict[str, Codec], tmp_path: Path
) -> None:
    path = tmp_path / "repacked.safetensors"
    save_file(published.dac_vae(), str(path), metadata={"kwargs": json.dumps(published.DAC_KWARGS), "random": "true"})
    codec = load_codec(str(path))
    assert codec.spec.placeholder and codec.spec.hop == 24
    assert torch.equal(codec.encode(sound(48))[0], codecs["moss-dacvae"].encode(sound(48))[0])


def test_half_precision_files_compute_in_float32(tmp_path: Path) -> None:
    halves = {name: value.half() for name, value in published.dac_vae().items()}
    torch.save({"state_dict": halves, "metadata": {"kwargs": published.DAC_KWARGS}}, tmp_path / "half.pth")
    mean, _ = load_codec(f"tencent_dacvae:{tmp_path / 'half.pth'}").encode(sound(48))
    assert mean.dtype == torch.float32


def test_bigvgans_filter_is_scipys_kaiser_window_design() -> None:
    from scipy.signal import firwin, kaiser_beta

    beta = kaiser_beta(2.285 * 5 * math.pi * 1.2 + 7.95)  # 12 taps, transition 0.3 of the sample rate
    expected = firwin(12, 0.5, window=("kaiser", beta))
    torch.testing.assert_close(low_pass().flatten().double(), torch.from_numpy(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYOUTS)
def test_loading_leaves_the_file_as_it_was(files: dict[str, str], name: str) -> None:
    path = Path(files[name].partition(":")[2])
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    before = [file.read_bytes() for file in inside]
    load_codec(files[name]).encode(sound(100))
    assert [file.read_bytes() for file in inside] == before
