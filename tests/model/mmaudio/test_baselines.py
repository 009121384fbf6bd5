"""MMAudio-S1 to S3: reference latents stand in the noise and in every x_t of a plain MMAudio (SPEC G8)."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from model.checkpoint import load_checkpoint
from model.generate import Generator, Request, Sampling
from model.mmaudio import convert
from model.variants import variant
from tests.model.mmaudio.files import small_file, small_specs
from tests.model.mmaudio.reference import velocity

STEPS = 4


@pytest.mark.parametrize("cfg_scale", [1.0, 2.0])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_g8_sampling_equals_a_plain_loop_around_mmaudio(tmp_path, version, cfg_scale):
    chosen, specs = variant("mmaudio-s3"), small_specs()
    weights = small_file(tmp_path / "m.pth", version)
    convert(tmp_path / "m.pth", tmp_path / "ours.safetensors", kind=chosen, specs=specs)
    network, info = load_checkpoint(tmp_path / "ours.safetensors")
    g = torch.Generator().manual_seed(0)
    length, before = specs.codec.frames(2.0), specs.codec.frames(1.0)
    sync = torch.randn(specs.sync.length(2.0), specs.sync.dim, generator=g)
    surrogate = torch.randn(specs.sync.length(before / specs.codec.frame_rate_hz), specs.sync.dim, generator=g)
    reference = torch.randn(before, specs.codec.latent_dim, generator=g)
    request = Request(
        task="ac-vta", duration_s=2.0, seed=5, sync_SD=sync, reference_NF=reference, reference_sync_SD=surrogate
    )
    generator = Generator(network, info, Sampling(**chosen.sampling))
    found = generator.generate([request], steps=STEPS, cfg_scale=cfg_scale)[0]

    state = torch.randn(before + length, specs.codec.latent_dim, generator=torch.Generator().manual_seed(5))[None]
    given = (reference - weights["latent_mean"][0]) / weights["latent_std"][0]
    both = torch.cat([surrogate, sync])[None]
    parts = [(len(surrogate), before), (len(sync), length)]
    video = (None, specs.clip.length(2.0 + before / specs.codec.frame_rate_hz))
    for now, after in pairwise(torch.linspace(0, 1, STEPS + 1)):
        seen = torch.cat([given[None], state[:, before:]], 1)
        v = velocity(weights, seen, now[None], video, both, None, parts)
        if cfg_scale != 1:
            null = velocity(weights, seen, now[None], video, (None, both.shape[1]), None, parts)
            v = cfg_scale * v + (1 - cfg_scale) * null
        state = state + (after - now) * v
    expected = (state * weights["latent_std"] + weights["latent_mean"])[0, before:]
    assert found.shape == expected.shape == (length, 40)
    assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())
