"""Presets, their codecs and every length that follows from a duration (SPEC M1, M2)."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import MismatchError, UsageError
from model.config import PRESET_CODECS, PRESETS, preset
from model.network import Features, Network, build_network
from model.paper_specs import CODECS, paper_specs
from model.presets import preset_specs, require_preset_codec
from tests.model.fakes import TOY
from tests.model.mmaudio.files import small_specs

# seconds: latent frames, clip frames, sync features of MMAudio at 44.1 kHz
LENGTHS = {
    2: (87, 16, 40), 3: (130, 24, 64), 4: (173, 32, 88), 5: (216, 40, 112), 8: (345, 64, 192), 10: (431, 80, 240),
    12: (517, 96, 288), 16: (690, 128, 392), 30: (1292, 240, 736),
}  # fmt: skip


@pytest.mark.parametrize("seconds", list(LENGTHS))
def test_m1_lengths_follow_from_the_duration(seconds):
    specs = paper_specs()
    found = (specs.codec.frames(seconds), specs.clip.length(seconds), specs.sync.length(seconds))
    assert found == LENGTHS[seconds]
    assert specs.codec.samples(seconds) == 1024 * found[0]


@pytest.mark.parametrize(
    ("codec", "frames"), [("mmaudio-16k", 250), ("mmaudio-44k", 345), ("moss-dacvae", 400), ("meta-dacvae", 200)]
)
def test_m2_eight_seconds_in_every_codec(codec, frames):
    assert paper_specs(codec).codec.frames(8.0) == frames


@pytest.mark.parametrize("seconds", [2, 8, 30])
def test_one_network_makes_2_to_30_seconds(seconds):
    specs = small_specs()
    network = build_network(TOY, specs, seed=0).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    frames, video, sync = LENGTHS[seconds]
    there, mask = torch.ones(1, dtype=torch.bool), torch.ones(1, frames, dtype=torch.bool)
    features = Features(
        torch.randn(1, video, specs.clip.dim), torch.randn(1, sync, specs.sync.dim),
        torch.randn(1, specs.text.tokens, specs.text.dim), there, there, there,
    )  # fmt: skip
    x = torch.randn(1, frames, 40)
    with torch.no_grad():
        velocity = network(x, torch.tensor([0.5]), x * 0, mask, network.preprocess_conditions(features, mask))
    assert velocity.shape == (1, frames, 40)
    assert bool(velocity.isfinite().all())
    assert float(velocity.std()) > 0.01


def test_m1_large_44k_is_the_papers():
    config = preset("large_44k")
    assert (config.joint_depth, config.fused_depth, config.width, config.heads) == (7, 14, 896, 14)
    assert config.mlp_width == 2560
    specs = preset_specs("large_44k")
    assert specs is not None
    assert (specs.codec.latent_dim, specs.clip.dim, specs.clip.rate_hz) == (40, 1024, 8.0)
    assert (specs.sync.dim, specs.sync.per_segment, specs.text.tokens, specs.text.dim) == (768, 8, 77, 1024)


def test_m2_the_dac_vae_preset_has_128_channels_at_50_hz():
    specs = preset_specs("large_48k_dacvae")
    assert specs is not None
    assert (specs.codec.latent_dim, specs.codec.frame_rate_hz, specs.codec.sample_rate_hz) == (128, 50.0, 48_000)
    assert preset("large_48k_dacvae") == preset("large_44k")


def test_every_preset_with_a_codec_names_a_known_one_and_the_others_fit_any():
    assert set(PRESET_CODECS.values()) <= set(CODECS)
    assert {name for name in PRESETS if preset_specs(name) is None} == {"tiny", "small", "medium"}
    with pytest.raises(UsageError, match="unknown"):
        preset_specs("huge")


def test_latents_of_another_form_are_refused_and_of_equal_form_welcome():
    require_preset_codec("large_48k_dacvae", CODECS["tencent-dacvae"])
    require_preset_codec("small", CODECS["meta-dacvae"])
    own = dataclasses.replace(CODECS["mmaudio-44k"], name="my own", weights_sha256="a" * 64)
    require_preset_codec("large_44k", own)
    with pytest.raises(MismatchError, match=r"40 channels at 43\.07 Hz \(mmaudio-44k\).*128 channels at 50\.00 Hz"):
        require_preset_codec("large_44k", CODECS["moss-dacvae"])


@pytest.mark.parametrize("name", sorted(PRESET_CODECS))
def test_m4_the_input_embedding_adds_what_its_sizes_say(name):
    specs = preset_specs(name)
    assert specs is not None
    config = preset(name)
    with torch.device("meta"):
        ours, without = (
            Network(dataclasses.replace(config, input_embedding=on), specs).state_dict() for on in (True, False)
        )
    channels, width = specs.codec.latent_dim, config.width
    linear = 2 * channels * width + width
    positions = 2 * (width * width // config.position_groups * config.position_kernel + width)
    wider = (width - channels) * width * config.audio_kernel
    added = sum(value.numel() for value in ours.values()) - sum(value.numel() for value in without.values())
    assert added == linear + positions + wider
    if name == "large_44k":
        assert added == 72_576 + 3_112_704 + 5_368_832
