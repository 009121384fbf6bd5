"""Sizes and settings of the network and its training: impossible ones are refused in words."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from model.config import PRESET_CODECS, PRESETS, NetworkConfig, TrainingConfig, preset
from model.paper_specs import CODECS


@given(ratio=st.floats(0.5, 8), width=st.integers(1, 64), multiple=st.integers(1, 300))
def test_the_feed_forward_width_is_two_thirds_of_the_ratio_rounded_up(ratio: float, width: int, multiple: int) -> None:
    config = NetworkConfig(width=16 * width, depth=2, fused_depth=1, heads=1, mlp_ratio=ratio, mlp_multiple=multiple)
    exact = int(2 * int(ratio * config.width) / 3)
    assert config.mlp_width % multiple == 0
    assert exact <= config.mlp_width < exact + multiple


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_a_checkpoints_header(name: str) -> None:
    config = preset(name)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.joint_depth + config.fused_depth == config.depth
    assert config.joint_depth >= 1


def test_a_preset_for_a_codec_names_a_known_one() -> None:
    assert set(PRESET_CODECS) <= set(PRESETS)
    assert set(PRESET_CODECS.values()) <= set(CODECS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "width 32 needs an even share for each of 3 heads"),
        ({"width": 30, "heads": 10}, "even share"),  # three channels per head cannot be rotated in pairs
        ({"fused_depth": 2}, "at least one joint block; fused_depth 2"),
        ({"fused_depth": -1}, "fused_depth -1"),
        ({"position_groups": 5}, "does not divide by position_groups 5"),
    ],
)
def test_impossible_networks_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        NetworkConfig(**({"width": 32, "depth": 2, "fused_depth": 1, "heads": 2} | changes))


def test_groups_matter_only_with_an_input_embedding() -> None:
    config = NetworkConfig(width=32, depth=2, fused_depth=1, heads=2, position_groups=5, input_embedding=False)
    assert not config.input_embedding


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'huge' is unknown; choose one of large_44k, .*tiny"):
        preset("huge")


@pytest.mark.parametrize("micro_batch", [0, 1, 3])
def test_a_micro_batch_must_split_into_two_kinds(micro_batch: int) -> None:
    with pytest.raises(UsageError, match=f"micro_batch {micro_batch} must be even"):
        TrainingConfig(micro_batch=micro_batch)


@pytest.mark.parametrize("sigmas", [(), (0.05,), (0.1, 0.1)])
def test_averages_need_two_widths(sigmas: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="at least two widths"):
        TrainingConfig(ema_sigmas=sigmas)


def test_configs_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().lr = 1.0
