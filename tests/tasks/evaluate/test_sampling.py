"""Sampling options that a person may set: they override the variant's, and only where they were set."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from model.generate import Sampling
from model.variants import VARIANTS
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.sampling import SamplingSettings


@pytest.mark.parametrize("name", VARIANTS)
def test_without_settings_a_variant_samples_as_it_says(name: str) -> None:
    variant = dict(VARIANTS[name].sampling)
    assert SamplingSettings().over(variant) == variant
    Sampling(**SamplingSettings().over(variant))


def test_settings_win_over_the_variant_and_false_is_a_setting() -> None:
    variant = {"cfg_keep_reference": True, "mask_surrogate": True}
    assert SamplingSettings(cfg_keep_reference=False).over(variant) == {
        "cfg_keep_reference": False,
        "mask_surrogate": True,
    }


def test_every_setting_is_an_option_of_the_sampler() -> None:
    assert set(SamplingSettings.model_fields) <= {field.name for field in dataclasses.fields(Sampling)}
    assert all(field.description for field in SamplingSettings.model_fields.values())


@pytest.mark.parametrize("values", [{"edit_noise": 1.5}, {"edit_noise": -0.1}, {"sum_reference": "end"}, {"other": 1}])
def test_values_out_of_range_and_unknown_names_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SamplingSettings.model_validate(values)


@pytest.mark.parametrize("name", ["clips", "adverb_pairs", "steps", "batch_size"])
def test_counts_of_an_evaluation_are_at_least_one(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        EvaluateConfig.model_validate({name: 0})


def test_guidance_below_one_is_refused() -> None:
    with pytest.raises(ValidationError, match="cfg_scale"):
        EvaluateConfig(cfg_scale=0.5)
