"""Layers on (B, N, D): lengths kept, rotations that keep length and see only distances, exact frequencies."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from model.network.layers import (
    ChannelLastConv1d,
    GatedMLP,
    draw_weights,
    linear_or_conv,
    modulate,
    rotary_table,
    rotate,
    slow_frequencies,
)

CPU = torch.device("cpu")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kernel", [1, 3, 7])
@pytest.mark.parametrize("length", [1, 2, 50])
def test_a_convolution_keeps_the_length_and_equals_torchs_on_transposed_input(kernel: int, length: int) -> None:
    layer = ChannelLastConv1d(4, 6, kernel)
    x = noise(2, length, 4)
    expected = nn.functional.conv1d(x.transpose(1, 2), layer.weight, layer.bias, padding=kernel // 2).transpose(1, 2)
    assert torch.allclose(layer(x), expected, atol=1e-6)
    assert layer(x).shape == (2, length, 6)


def test_a_kernel_of_one_is_a_linear_layer_and_a_longer_one_sees_its_neighbours_only() -> None:
    assert isinstance(linear_or_conv(4, 4, 1), nn.Linear)
    layer = linear_or_conv(4, 4, 3, bias=False)
    x = torch.zeros(1, 9, 4)
    x[0, 4] = 1.0
    touched = layer(x)[0].abs().sum(-1) > 0
    assert touched.tolist() == [False] * 3 + [True] * 3 + [False] * 3


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_gated_mlp_is_the_silu_of_one_branch_times_the_other(kernel: int) -> None:
    mlp = GatedMLP(4, 8, kernel)
    x = noise(2, 10, 4)
    assert torch.allclose(mlp(x), mlp.w2(nn.functional.silu(mlp.w1(x)) * mlp.w3(x)), atol=1e-6)
    assert not bool(mlp(torch.zeros(1, 5, 4)).any())  # no biases
    assert all("bias" not in name for name, _ in mlp.named_parameters())


def test_modulation_scales_and_shifts_per_frame_or_per_clip() -> None:
    x, shift, scale = noise(2, 5, 4), noise(2, 1, 4, seed=1), noise(2, 1, 4, seed=2)
    assert torch.allclose(modulate(x, shift, scale), x * (1 + scale) + shift, atol=1e-6)
    assert torch.equal(modulate(x, torch.zeros(1), torch.zeros(1)), x)
    per_frame = noise(2, 5, 4, seed=3)
    assert torch.allclose(modulate(x, per_frame, per_frame), x * (1 + per_frame) + per_frame, atol=1e-6)


@given(st.integers(1, 60), st.integers(0, 40))
def test_rotated_products_depend_on_the_distance_alone(first: int, distance: int) -> None:
    """Rotary positions: q at n and k at m have the same product as q at 0 and k at m - n."""
    table = rotary_table(128, 16, 1.0, CPU)
    q, k = noise(1, 1, 1, 16), noise(1, 1, 1, 16, seed=1)

    def product(at_q: int, at_k: int) -> float:
        return float((rotate(q, table[at_q, None]) * rotate(k, table[at_k, None])).sum())

    assert product(first, first + distance) == pytest.approx(product(0, distance), abs=1e-3)


def test_a_rotation_keeps_lengths_and_leaves_position_zero() -> None:
    x = noise(2, 30, 3, 8)
    turned = rotate(x, rotary_table(30, 8, 1.0, CPU))
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert torch.allclose(turned[:, 0], x[:, 0], atol=1e-6)
    assert not torch.allclose(turned[:, 1], x[:, 1], atol=1e-2)


def test_scaled_positions_meet_those_of_a_finer_grid() -> None:
    """Eight video frames over fifty audio frames: video frame v is rotated as audio frame v * 50 / 8 would be."""
    coarse, fine = rotary_table(8, 16, 50 / 8, CPU), rotary_table(50, 16, 1.0, CPU)
    assert torch.allclose(coarse[4], fine[25], atol=1e-4)
    assert torch.equal(coarse[0], fine[0])


def test_tables_and_rotations_stay_fp32_inside_autocast_and_return_the_inputs_type() -> None:
    plain = rotary_table(10, 8, 1.0, CPU)
    with torch.autocast("cpu", torch.bfloat16):
        inside = rotary_table(10, 8, 1.0, CPU)
        turned = rotate(noise(1, 10, 2, 8).bfloat16(), inside)
    assert inside.dtype == torch.float32 and torch.equal(inside, plain)
    assert turned.dtype == torch.bfloat16


def test_frequencies_fall_from_one_by_a_constant_factor() -> None:
    found = slow_frequencies(64)
    assert float(found[0]) == 1.0
    ratios = found[1:] / found[:-1]
    assert torch.allclose(ratios, torch.full_like(ratios, 10000 ** (-2 / 64)), rtol=1e-5)


def test_drawn_weights_depend_on_the_generator_alone_and_biases_are_zero() -> None:
    def drawn(seed: int) -> nn.Sequential:
        layers = nn.Sequential(nn.Linear(5, 7), nn.Conv1d(7, 3, 3), nn.LayerNorm(3))
        draw_weights(layers, torch.Generator().manual_seed(seed))
        return layers

    torch.manual_seed(1)
    one = drawn(3)
    torch.manual_seed(2)
    two, other = drawn(3), drawn(4)
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())
    assert not torch.equal(one[0].weight, other[0].weight)
    assert not bool(one[0].bias.any()) and not bool(one[1].bias.any())
    assert float(one[0].weight.detach().abs().max()) <= (6 / 12) ** 0.5  # Xavier's limit
