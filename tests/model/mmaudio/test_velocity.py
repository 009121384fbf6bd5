"""The network with MMAudio's weights is MMAudio: compared with code that shares nothing with it (SPEC M1, M4)."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import torch

from model.mmaudio.adapter import adapt
from model.mmaudio.layout import read_layout
from model.network import Features, Network
from model.paper_specs import paper_specs
from tests.model.mmaudio.files import CLIP, SYNC, TEXT, TOKENS, small_specs, small_weights
from tests.model.mmaudio.reference import state_dict, velocity

SAME = 1e-5


def loaded(version: str, *, codec: str = "mmaudio-44k", **switches) -> tuple[Network, dict[str, torch.Tensor]]:
    specs = small_specs(codec)
    weights = small_weights(version, channels=specs.codec.latent_dim)
    config = dataclasses.replace(read_layout(weights, "test").network, **switches)
    network = Network(config, specs)
    network.load_state_dict(adapt(weights, config))
    return network.eval(), weights


def inputs(network: Network, duration_s: float, *, seed: int = 0):
    specs, g = network.specs, torch.Generator().manual_seed(seed)
    return (
        torch.randn(2, specs.codec.frames(duration_s), specs.codec.latent_dim, generator=g),
        torch.tensor([0.31, 0.87]),
        torch.randn(2, specs.clip.length(duration_s), specs.clip.dim, generator=g),
        torch.randn(2, specs.sync.length(duration_s), specs.sync.dim, generator=g),
        torch.randn(2, specs.text.tokens, specs.text.dim, generator=g),
    )


def ours(network, x, t, clip, sync, text, *, has=(True, True, True), reference=None):
    everything = torch.ones(x.shape[:2], dtype=torch.bool)
    there = [torch.full((len(x),), one) for one in has]
    with torch.no_grad():
        conditions = network.preprocess_conditions(Features(clip, sync, text, *there), everything)
        nothing = torch.zeros_like(x) if reference is None else reference
        return network(x, t, nothing, everything, conditions)


@pytest.mark.parametrize("input_embedding", [False, True])
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("duration_s", [2.0, 5.0, 8.0])
def test_m4_without_a_reference_the_velocity_is_mmaudios(version, duration_s, input_embedding):
    network, weights = loaded(version, input_embedding=input_embedding, mask_video=input_embedding)
    given = inputs(network, duration_s)
    expected = velocity(weights, *given)
    assert float(expected.abs().max()) > 1
    assert float((ours(network, *given) - expected).abs().max()) < SAME


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    "has",
    [(False, True, True), (True, False, True), (True, True, False), (False, False, True), (False, False, False)],
)
def test_t2_an_absent_modality_is_mmaudios_learned_empty_feature(version, has):
    network, weights = loaded(version, input_embedding=True, mask_video=True)
    x, t, clip, sync, text = inputs(network, 3.0)
    expected = velocity(
        weights, x, t,
        clip if has[0] else (None, clip.shape[1]), sync if has[1] else (None, sync.shape[1]), text if has[2] else None,
    )  # fmt: skip
    assert float((ours(network, x, t, clip, sync, text, has=has) - expected).abs().max()) < SAME


def test_the_16_khz_layout_has_20_channels():
    network, weights = loaded("v1", codec="mmaudio-16k", input_embedding=True)
    given = inputs(network, 8.0)
    assert given[0].shape[1:] == (250, 20)
    assert float((ours(network, *given) - velocity(weights, *given)).abs().max()) < SAME


@pytest.mark.slow
def test_at_the_small_networks_published_size():
    weights = state_dict(
        width=448, depth=12, fused=8, hidden=1280, head=64, clip=1024, sync=768, text=1024, tokens=77, second=False
    )
    config = dataclasses.replace(read_layout(weights, "test").network, input_embedding=True)
    network = Network(config, paper_specs())
    network.load_state_dict(adapt(weights, config))
    given = inputs(network.eval(), 8.0)
    expected = velocity(weights, *given)
    assert float((ours(network, *given) - expected).abs().max()) < SAME * float(expected.abs().max())


@pytest.mark.parametrize("changed", range(5))
def test_the_comparison_sees_every_input(changed):
    """A reference blind to an input would agree with a network that is blind to it too."""
    _, weights = loaded("v2")
    network, _ = loaded("v2", input_embedding=True)
    given = list(inputs(network, 2.0))
    before = velocity(weights, *given)
    given[changed] = given[changed] * 0.5
    assert float((velocity(weights, *given) - before).abs().max()) > 100 * SAME


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_comparison_sees_every_weight(version):
    weights = small_weights(version)
    g = torch.Generator().manual_seed(0)
    given = [torch.randn(2, *size, generator=g) for size in ((14, 40), (), (4, CLIP), (16, SYNC), (TOKENS, TEXT))]
    before = velocity(weights, *given)
    unused = {"latent_mean", "latent_std", "empty_clip_feat", "empty_sync_feat", "empty_string_feat"}
    for key in weights.keys() - unused:
        if "blocks.1" in key:  # blocks of one kind are alike
            continue
        changed = {**weights, key: weights[key] * 1.5}
        assert float((velocity(changed, *given) - before).abs().max()) > 2 * SAME, key


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_m4_the_first_step_ignores_the_reference_and_learns_from_it(version):
    network, weights = loaded(version, input_embedding=True, mask_video=True)
    x, t, clip, sync, text = inputs(network, 2.0)
    reference = torch.randn_like(x)
    expected = velocity(weights, x, t, clip, sync, text)
    assert float((ours(network, x, t, clip, sync, text, reference=reference) - expected).abs().max()) < SAME
    everything, there = torch.ones(x.shape[:2], dtype=torch.bool), torch.ones(2, dtype=torch.bool)
    conditions = network.preprocess_conditions(Features(clip, sync, text, there, there, there), everything)
    network(x, t, reference, everything, conditions).square().mean().backward()
    proj = network.input_embed.proj.weight.grad
    assert float(proj[:40, 40:].abs().min()) > 0  # the reference's columns
    assert float(network.audio_input_proj[0].weight.grad[:, 40:].abs().max()) > 0  # the channels that are not read yet
    assert float(network.input_embed.conv_pos_embed.conv1d[2].weight.grad.abs().max()) > 0


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_g7_guided_velocity_and_four_steps_are_mmaudios(version):
    from model.flow import euler, guided

    network, weights = loaded(version, input_embedding=True, mask_video=True)
    x, t, clip, sync, text = inputs(network, 2.0)
    null = ours(network, x, t, clip, sync, text, has=(False, False, False))
    found = guided(ours(network, x, t, clip, sync, text), null, 4.5)
    nothing = ((None, clip.shape[1]), (None, sync.shape[1]), None)
    expected = 4.5 * velocity(weights, x, t, clip, sync, text) + (1 - 4.5) * velocity(weights, x, t, *nothing)
    assert float((found - expected).abs().max()) < 10 * SAME
    sampled = euler(lambda x, t: ours(network, x, t, clip, sync, text), x, steps=4)
    state, times = x, torch.linspace(0, 1, 5)
    for now, after in pairwise(times):
        state = state + (after - now) * velocity(weights, state, now.expand(2), clip, sync, text)
    assert float((sampled - state).abs().max()) < 2 * SAME
