"""The benchmark of a training step: random features of the paper's sizes or of the demo's."""

from __future__ import annotations

import argparse

import pytest
import torch

from benchmarks.training_step import RandomFeatures, specs_of
from model.paper_specs import paper_specs
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.encoders import load_encoders


def test_the_demos_features_have_the_sizes_of_its_encoders() -> None:
    specs = specs_of(argparse.Namespace(features="demo", codec="mmaudio-44k"))
    assert specs == load_encoders(PrecomputeConfig()).specs and specs != paper_specs()


@pytest.mark.parametrize("features", ["paper", "demo"])
def test_random_features_have_their_specs_shapes(features: str) -> None:
    specs = specs_of(argparse.Namespace(features=features, codec="mmaudio-16k"))
    source = RandomFeatures(specs, 4)
    mean, std = source.latents([0, 1, 2])
    assert mean.shape == std.shape == (3, specs.codec.frames(8.0), specs.codec.latent_dim)
    assert source.text([0]).shape == (1, specs.text.tokens, specs.text.dim)
    assert source.clip([0]).shape == (1, specs.clip.length(8.0), specs.clip.dim)
    assert source.sync([0]).shape == (1, specs.sync.length(8.0), specs.sync.dim)
    assert torch.equal(source.latent_stats()[1], torch.ones(specs.codec.latent_dim))
    assert [row.subset for row in source.rows] == ["tta", "vta", "tta", "vta"]
