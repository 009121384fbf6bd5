"""What does not change during sampling is computed once, however many steps there are (SPEC G7)."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from model.generate import Generator, Request
from tests.model.networks import awake


@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize(("cfg_scale", "branches"), [(1.0, 1), (4.5, 2)])
def test_conditions_are_projected_once_per_branch_and_both_branches_share_a_forward(steps, cfg_scale, branches):
    network = awake()
    network.set_latent_stats(torch.zeros(4), torch.ones(4))
    calls: Counter[str] = Counter()
    names = ("clip_input_proj", "text_input_proj", "sync_input_proj", "global_cond_mlp", "audio_input_proj", "t_embed")
    for name in names:
        getattr(network, name).register_forward_hook(lambda *_, name=name: calls.update([name]))
    specs = network.specs
    request = Request(
        task="vta", duration_s=2.0, seed=0, clip_VD=torch.randn(specs.clip.length(2.0), specs.clip.dim),
        sync_SD=torch.randn(specs.sync.length(2.0), specs.sync.dim),
    )  # fmt: skip
    Generator(network).generate_each([request], steps=steps, cfg_scale=cfg_scale)
    assert calls == dict.fromkeys(names[:4], branches) | dict.fromkeys(names[4:], steps)
