"""The ablations and baselines are configurations of one model (SPEC M12, G8)."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import UsageError
from model.config import MaskConfig, TrainingConfig
from model.generate import Sampling
from model.masks import draw_masks
from model.network import build_network
from model.variants import VARIANTS, variant
from tests.model.fakes import TOY, toy_specs


@pytest.mark.parametrize("name", list(VARIANTS))
def test_m12_every_variant_fits_the_network_the_masks_and_the_sampling(name):
    chosen = variant(name)
    config = chosen.network_config(TOY)
    assert build_network(config, toy_specs(), seed=0).config == config
    assert draw_masks(2, 10, chosen.mask_config(MaskConfig()), torch.Generator()).mask_BN.shape == (2, 10)
    Sampling(**chosen.sampling)


@pytest.mark.parametrize(
    ("name", "input_embedding", "mask_video", "sums"),
    [
        ("full", True, True, True),
        ("m-1", False, False, True),
        ("m-2", False, True, True),
        ("m-3", True, False, True),
        ("no-sum", True, True, False),
    ],
)
def test_m12_the_three_switches_are_the_papers(name, input_embedding, mask_video, sums):
    chosen = variant(name)
    config = chosen.network_config(TOY)
    assert (config.input_embedding, config.mask_video) == (input_embedding, mask_video)
    assert (Sampling(**chosen.sampling).sum_reference == "start") == sums
    assert chosen.mask_config(MaskConfig()) == MaskConfig()
    assert chosen.surrogate == "crop"


def test_m12_without_summation_is_the_full_networks_own_weights():
    assert variant("no-sum").weights == variant("full").weights
    assert variant("no-sum").network_config(TOY) == variant("full").network_config(TOY) == TOY


def test_g8_the_three_baselines_differ_only_in_the_surrogate():
    baselines = [variant(f"mmaudio-s{number}") for number in (1, 2, 3)]
    assert [one.surrogate for one in baselines] == ["blank", "repeat", "true"]
    first = baselines[0]
    assert [dataclasses.replace(one, name=first.name, surrogate=first.surrogate) for one in baselines] == [first] * 3


def test_g8_the_baseline_trains_as_mmaudio_on_the_whole_clip_and_without_any_context():
    masks = draw_masks(300, 40, variant("mmaudio-s1").mask_config(MaskConfig()), torch.Generator().manual_seed(1))
    assert bool(masks.mask_BN.all())
    assert not bool(masks.keep_reference_B.any())
    assert torch.equal(masks.keep_clip_B, masks.keep_sync_B)


def test_equal_weights_mean_equal_training():
    for one in VARIANTS.values():
        for other in VARIANTS.values():
            same = (one.network, one.masks, one.training) == (other.network, other.masks, other.training)
            assert same == (one.weights == other.weights)


def test_without_augmented_audio_only_the_rows_differ():
    base = TrainingConfig(masks=MaskConfig(span_low=0.5))
    plain, full = (variant(name).training_config(base) for name in ("no-aa", "full"))
    assert full == base and full.augmented
    assert plain == dataclasses.replace(base, augmented=False)
    assert variant("mmaudio-s1").training_config(base).masks.drop_reference == 1.0


def test_an_unknown_variant_names_the_known_ones():
    with pytest.raises(UsageError, match="choose one of full, m-1"):
        variant("m-4")
