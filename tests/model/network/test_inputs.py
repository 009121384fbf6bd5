"""Inputs of the network: the joined reference, positions by convolution, and the time embedding."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from model.network.inputs import (
    ConvPositionEmbedding,
    InputEmbedding,
    audio_projection,
    sync_projection,
    time_embedding,
    token_projection,
)
from tests.model.fakes import TOY

V1, V2 = TOY, dataclasses.replace(TOY, version="v2")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_m4_the_input_embedding_is_linear_in_state_and_reference_plus_positions() -> None:
    embed = InputEmbedding(4, 32, 31, 16)
    x, reference = noise(2, 40, 4), noise(2, 40, 4, seed=1)
    joined = embed.proj(torch.cat([x, reference], dim=-1))
    assert torch.allclose(embed(x, reference), joined + embed.conv_pos_embed(joined), atol=1e-6)
    assert embed(x, reference).shape == (2, 40, 32)
    assert embed.proj.weight.shape == (32, 8)


def test_m4_both_inputs_matter() -> None:
    embed = InputEmbedding(4, 32, 31, 16)
    x, reference = noise(1, 20, 4), noise(1, 20, 4, seed=1)
    out = embed(x, reference)
    assert not torch.allclose(out, embed(noise(1, 20, 4, seed=2), reference))
    assert not torch.allclose(out, embed(x, torch.zeros_like(reference)))


def test_m4_positions_see_thirty_frames_to_either_side() -> None:
    """Two convolutions of kernel 31, so a change reaches 2 x 15 frames."""
    positions = ConvPositionEmbedding(32, 31, 16).double()
    x = noise(1, 200, 32).double()
    changed = x.clone()
    changed[0, 100] += 1.0
    touched = (positions(x) - positions(changed))[0].abs().sum(-1).nonzero().flatten()
    assert (int(touched.min()), int(touched.max())) == (70, 130)


def test_m4_positions_are_grouped() -> None:
    positions = ConvPositionEmbedding(32, 5, 16)
    x = noise(1, 30, 32)
    changed = x.clone()
    changed[..., :2] += 1.0  # the first group of two channels
    moved = (positions(x) - positions(changed)).abs().sum((0, 1)) > 0
    assert moved.tolist() == [True] * 2 + [False] * 30


@pytest.mark.parametrize("config", [V1, V2], ids=["v1", "v2"])
def test_the_time_embedding_tells_times_apart_and_is_one_row_per_sample(config) -> None:
    embed = time_embedding(config)
    times = torch.tensor([0.0, 0.25, 0.2501, 1.0])
    sinusoids = embed.sinusoids(times)
    assert sinusoids.shape == (4, embed.frequencies)
    assert float((sinusoids[1] - sinusoids[2]).abs().max()) > 1e-5
    assert float(sinusoids.abs().max()) <= 1.0
    assert embed(times).shape == (4, config.width)
    half = sinusoids.shape[1] // 2
    assert torch.allclose(sinusoids[:, :half] ** 2 + sinusoids[:, half:] ** 2, torch.ones(4, half), atol=1e-5)


def test_v2s_frequencies_are_ten_thousand_times_v1s() -> None:
    slow, fast = time_embedding(dataclasses.replace(V1, width=256)), time_embedding(dataclasses.replace(V2, width=256))
    assert torch.allclose(fast.freqs, 10_000 * slow.freqs)


@pytest.mark.parametrize("config", [V1, V2], ids=["v1", "v2"])
def test_a_cast_to_bf16_leaves_the_frequencies_in_fp32(config) -> None:
    embed = time_embedding(config)
    before = embed.freqs.clone()
    cast = embed.to(torch.bfloat16)
    assert cast.freqs.dtype == torch.float32 and torch.equal(cast.freqs, before)
    assert cast.mlp[0].weight.dtype == torch.bfloat16
    assert cast(torch.tensor([0.3])).dtype == torch.bfloat16
    assert "freqs" not in embed.state_dict()  # not part of MMAudio's files either


@pytest.mark.parametrize("config", [V1, V2], ids=["v1", "v2"])
def test_projections_map_each_modality_to_the_width(config) -> None:
    assert audio_projection(config, 4)(noise(2, 50, 4)).shape == (2, 50, 32)
    assert sync_projection(config, 6)(noise(2, 25, 6)).shape == (2, 25, 32)
    assert token_projection(config, 12, 1)(noise(2, 5, 12)).shape == (2, 5, 32)


def test_v2s_activations_move_the_gated_mlp_by_one_key() -> None:
    for config, index, activation in ((V1, 1, nn.SELU), (V2, 2, nn.SiLU)):
        names = {name.split(".")[0] for name, _ in token_projection(config, 12, 1).named_parameters()}
        assert names == {"0", str(index)}
        assert isinstance(audio_projection(config, 4)[1], activation)
