"""Full-size layouts: our networks have exactly the published files' key names, shapes and counts (SPEC M1, M2)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.codec.bigvgan import BIGVGAN_16K, BigVGAN, BigVGANSizes
from model.codec.dac_vae import ContinuousDAC, DACSizes
from model.codec.layouts import LAYOUTS, recognise
from model.codec.meta_dacvae import MetaDACVAE
from model.codec.mmaudio_vae import MelVAE, VAESizes
from model.codec.oobleck import Oobleck, OobleckSizes
from tests.model.codec import layouts

FULL = {
    "moss-dacvae": (lambda: ContinuousDAC(DACSizes()), layouts.dac_vae(128, (2, 3, 4, 5, 8), 128, 2048)),
    "meta-dacvae": (MetaDACVAE, layouts.meta_dacvae(64, (2, 8, 10, 12), 1024, 1536, 128)),
    "stable-audio-open": (
        lambda: Oobleck(OobleckSizes()),
        layouts.oobleck(128, (2, 4, 4, 8, 8), (1, 2, 4, 8, 16), 2, 64),
    ),
    "ace-step": (
        lambda: Oobleck(OobleckSizes(sampling_rate=48_000, downsampling_ratios=(2, 4, 4, 6, 10))),
        layouts.oobleck(128, (2, 4, 4, 6, 10), (1, 2, 4, 8, 16), 2, 64),
    ),
    "mmaudio-44k": (lambda: MelVAE(VAESizes(bands=128, latent_dim=40, width=512)), layouts.mel_vae(128, 40, 512)),
    "mmaudio-16k": (lambda: MelVAE(VAESizes(bands=80, latent_dim=20, width=384)), layouts.mel_vae(80, 20, 384)),
    "bigvgan-44k": (
        lambda: BigVGAN(BigVGANSizes()),
        layouts.bigvgan(128, 1536, (16, 8, 4, 4, 4, 4), last_bias=False),
    ),
    "bigvgan-16k": (lambda: BigVGAN(BIGVGAN_16K), layouts.bigvgan(80, 1536, (8, 8, 4, 4, 4, 4), last_bias=True)),
}


@pytest.mark.parametrize("name", FULL)
def test_our_network_has_the_published_names_and_shapes(name: str) -> None:
    make, shapes = FULL[name]
    assert layouts.network_shapes(make) == shapes


def test_the_published_counts_are_met() -> None:
    """The counts are the authors': 298 tensors of 371.59 M, 317 of 107,671,171, 305.48 M; 429 and 655 MiB files."""
    assert layouts.count(FULL["moss-dacvae"][1]) == (298, 371_589_058)
    assert layouts.count(FULL["meta-dacvae"][1]) == (317, 107_671_171)
    assert round(layouts.count(FULL["mmaudio-44k"][1])[1] / 1e6, 2) == 305.48
    assert round(layouts.count(FULL["mmaudio-16k"][1])[1] * 4 / 2**20) == 655
    assert round(layouts.count(FULL["bigvgan-16k"][1])[1] * 4 / 2**20) in (428, 429)
    assert round(layouts.count(FULL["bigvgan-44k"][1])[1] / 1e6) == 122


@pytest.mark.parametrize(
    ("name", "rate_hz", "hop", "frames_of_8_s"),
    [
        ("moss-dacvae", 48_000, 960, 400),
        ("meta-dacvae", 48_000, 1920, 200),
        ("mmaudio-44k", 44_100, 1024, 345),
        ("mmaudio-16k", 16_000, 512, 250),
        ("stable-audio-open", 44_100, 2048, 173),
        ("ace-step", 48_000, 1920, 200),
    ],
)
def test_eight_seconds_have_the_published_number_of_frames(
    name: str, rate_hz: int, hop: int, frames_of_8_s: int
) -> None:
    from model.paper_specs import CODECS

    spec = CODECS[name]
    assert (spec.sample_rate_hz, spec.hop, spec.frames(8.0)) == (rate_hz, hop, frames_of_8_s)


def written(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path = folder / "codec.pth"
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize(
    ("keys", "layout"),
    [
        (("quant_conv.weight", "encoder.block.0.weight_v"), "moss-dacvae"),
        (("encoder.block.0.res_unit1.snake1.beta",), "oobleck"),
        (("quantizer.quantizers.0.in_proj.weight_v",), "dac-44khz"),
    ],
)
def test_a_file_is_recognised_by_its_keys(tmp_path: Path, keys: tuple[str, ...], layout: str) -> None:
    assert recognise(written(tmp_path, {key: torch.zeros(1) for key in keys})) == layout
    assert layout in LAYOUTS


@pytest.mark.parametrize(
    ("file", "layout"),
    [
        ("diffusion_pytorch_model.safetensors", "oobleck"),
        ("v1-44.pth", "mmaudio-44k"),
        ("v1-16.pth", "mmaudio-16k"),
    ],
)
def test_a_folder_is_recognised_by_its_file(tmp_path: Path, file: str, layout: str) -> None:
    (tmp_path / file).write_bytes(b"")
    assert recognise(tmp_path) == layout


def test_unknown_files_and_folders_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has none of .*v1-44\.pth, v1-16\.pth; give a codec's file or folder"):
        recognise(tmp_path)
    with pytest.raises(WeightsError, match="is MMAudio's VAE alone; give the folder"):
        recognise(written(tmp_path, {"data_mean": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="is not a known codec"):
        recognise(written(tmp_path, {"weight": torch.zeros(1)}))
