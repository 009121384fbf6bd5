"""descript-audio-codec's blocks as the codecs use them: lengths by stride, Snake, residual units."""

from __future__ import annotations

import pytest
import torch

from model.codec.blocks import DecoderBlock, EncoderBlock, ResidualUnit, Snake1d, WNConv1d, WNConvTranspose1d
from model.codec.dac_vae import exact_lengths, old_weight_norm


@pytest.mark.parametrize("stride", [2, 3, 5, 8])
def test_an_encoder_block_divides_and_an_exact_decoder_block_multiplies_the_length(stride: int) -> None:
    with old_weight_norm():
        down, up = EncoderBlock(8, stride=stride), DecoderBlock(8, 4, stride)
    exact_lengths(up)
    with torch.no_grad():
        coarse = down(torch.randn(1, 4, 6 * stride))
        assert coarse.shape == (1, 8, 6)
        assert up(coarse).shape == (1, 4, 6 * stride)


def test_snake_is_the_identity_plus_a_squared_sine() -> None:
    snake = Snake1d(3)
    x = torch.randn(1, 3, 20)
    alpha = snake.alpha
    assert torch.allclose(snake(x), x + torch.sin(alpha * x).square() / (alpha + 1e-9), atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 3, 9])
def test_a_residual_unit_keeps_the_length_and_reaches_three_dilations(dilation: int) -> None:
    with old_weight_norm():
        unit = ResidualUnit(4, dilation=dilation).double().requires_grad_(False)
    x = torch.randn(1, 4, 80, dtype=torch.float64)
    changed = x.clone()
    changed[..., 40] += 1.0
    touched = (unit(x) - unit(changed)).abs().sum(1)[0].nonzero().flatten()
    assert unit(x).shape == x.shape
    assert (int(touched.min()), int(touched.max())) == (40 - 3 * dilation, 40 + 3 * dilation)


def test_weight_norm_has_the_key_names_of_published_files() -> None:
    with old_weight_norm():
        layers = (WNConv1d(2, 3, kernel_size=3), WNConvTranspose1d(2, 3, kernel_size=4, stride=2))
    for layer in layers:
        assert set(layer.state_dict()) == {"weight_g", "weight_v", "bias"}
