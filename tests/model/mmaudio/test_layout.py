"""A network's sizes from the shapes of its tensors alone, for both generations of MMAudio."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import WeightsError
from model.config import PRESETS, NetworkConfig
from model.mmaudio.layout import PUBLISHED_MD5, Layout, listed, plain, read_layout, require_keys
from model.network import Network
from model.paper_specs import paper_specs
from tests.model.mmaudio.files import small_specs, small_weights


@pytest.mark.parametrize("name", ["small_16k", "small_44k", "medium_44k", "large_44k", "large_44k_v2"])
def test_m1_every_published_size_is_read_from_its_shapes(name: str) -> None:
    """On the meta device: shapes without numbers."""
    config = plain(PRESETS[name])
    specs = paper_specs("mmaudio-16k" if name.endswith("16k") else "mmaudio-44k")
    with torch.device("meta"):
        tensors = Network(config, specs).state_dict()
    layout = read_layout(tensors, name)
    assert layout.network == config
    assert layout.specs() == specs
    assert f"mmaudio_{name}" in PUBLISHED_MD5.values()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_generation_is_told_by_its_keys(version: str) -> None:
    assert read_layout(small_weights(version), "file").network.version == version


def test_plain_takes_away_what_mmaudio_does_not_have() -> None:
    config = plain(PRESETS["tiny"])
    assert (config.input_embedding, config.mask_video, config.absent) == (False, False, "learned")
    assert plain(config) == config


def test_the_right_keys_pass_and_differences_are_named() -> None:
    weights = small_weights("v1")
    network = read_layout(weights, "file").network
    require_keys(weights, network, small_specs(), "file")
    broken = dict(weights)
    del broken["clip_cond_proj.bias"]
    broken["new.weight"] = torch.zeros(2)
    broken["latent_mean"] = torch.zeros(1, 1, 3)
    with pytest.raises(WeightsError) as refused:
        require_keys(broken, network, small_specs(), "file")
    message = str(refused.value)
    assert "unknown keys: new.weight" in message and "missing keys: clip_cond_proj.bias" in message
    assert "wrong shapes: latent_mean (1, 1, 3), expected (1, 1, 40)" in message


def test_specs_of_other_sizes_are_refused_by_the_first_difference() -> None:
    layout = read_layout(small_weights("v1"), "file")
    layout.require(small_specs(), "the encoders")
    for name, change, words in (
        ("clip", {"dim": 9}, "clip width 24, the encoders 9"),
        ("sync", {"per_segment": 1}, "sync features per segment 8, the encoders 1"),
        ("text", {"tokens": 3}, "text tokens 7, the encoders 3"),
    ):
        specs = small_specs()
        other = dataclasses.replace(specs, **{name: dataclasses.replace(getattr(specs, name), **change)})
        with pytest.raises(WeightsError, match=words):
            layout.require(other, "the encoders")


def test_channels_of_no_mmaudio_codec_are_refused() -> None:
    network = NetworkConfig(width=32, depth=2, fused_depth=1, heads=2)
    layout = Layout(
        network=network, channels=64, clip_dim=1024, sync_dim=768, per_segment=8, tokens=77, text_dim=1024
    )  # fmt: skip
    with pytest.raises(WeightsError, match=r"64 channels; 44\.1 kHz has 40 and 16 kHz has 20"):
        layout.specs()


def test_long_lists_are_cut_with_their_number() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abcdef") == "a, b, c, d, e, f"
    assert listed("abcdefgh") == "a, b, c, d, e, f and 2 more"
    assert listed([]) == ""
