"""Layers that do not depend on the modality: convolutions on (B, N, D), gated MLPs, rotary positions.

Legend: B batch, N positions, D channels, H heads, K channels per head. Tables of rotations are (N, K/2, 2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's usual name
from torch import Tensor, nn

from model.network.cpu import convolve, plain_operations


class ChannelLastConv1d(nn.Conv1d):
    """`nn.Conv1d` on channel-last input (B, N, in) -> (B, N, out), stride 1, length kept by zero padding."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, groups: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=bias)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Returns (B, N, out)."""
        if plain_operations(x_BND):
            return super().forward(x_BND.transpose(1, 2)).transpose(1, 2)
        return convolve(x_BND, self.weight, self.bias, self.groups)


def linear_or_conv(in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> nn.Module:
    """Returns a Linear for kernel 1, else a convolution; both work on (B, N, D)."""
    if kernel == 1:
        return nn.Linear(in_channels, out_channels, bias=bias)
    return ChannelLastConv1d(in_channels, out_channels, kernel, bias=bias)


class GatedMLP(nn.Module):
    """w2(silu(w1 x) * w3 x) without biases; with `kernel` > 1 all three are convolutions (MMAudio's ConvMLP)."""

    def __init__(self, width: int, hidden: int, kernel: int = 1) -> None:
        super().__init__()
        self.w1 = linear_or_conv(width, hidden, kernel, bias=False)
        self.w2 = linear_or_conv(hidden, width, kernel, bias=False)
        self.w3 = linear_or_conv(width, hidden, kernel, bias=False)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Returns (B, N, D)."""
        result: Tensor = self.w2(F.silu(self.w1(x_BND)) * self.w3(x_BND))
        return result


def modulate(x_BND: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Returns x * (1 + scale) + shift; shift and scale are (B, N, D) or (B, 1, D). Source: SPEC M9 (adaLN)."""
    return torch.addcmul(shift, x_BND, 1 + scale)


def rotary_table(length: int, channels: int, scaling: float, device: torch.device) -> Tensor:
    """Returns (N, K/2, 2): cosine and sine of n scaling 10000^(-2j/K), in fp32 whatever the autocast."""
    with torch.autocast(device.type, enabled=False):
        position = torch.arange(length, device=device, dtype=torch.float32)
        angle = position[:, None] * (slow_frequencies(channels, device) * scaling)
        return torch.stack([angle.cos(), angle.sin()], dim=-1)


def slow_frequencies(channels: int, device: torch.device | None = None) -> Tensor:
    """Returns (K/2,) fp32: 1 / 10000^(2j/K). A power of the reciprocal would differ in the last bit, which the phases
    of MMAudio v2, 10,000 times as fast, would enlarge to errors of 2e-4."""
    exponent = torch.arange(0, channels, 2, device=device, dtype=torch.float32) / channels
    return 1.0 / 10000.0**exponent


def rotate(x_BNHK: Tensor, table_NK2: Tensor) -> Tensor:
    """Rotates neighbouring channel pairs (0,1), (2,3), ... by the table, in fp32; returns the input's dtype.

    Pairs are treated as complex numbers, so that the rotation is a single pass over memory. torch.compile fuses real
    arithmetic into one pass by itself, and does not compile complex arithmetic.
    """
    pairs = x_BNHK.float().reshape(*x_BNHK.shape[:-1], -1, 2)
    if torch.compiler.is_compiling():
        (even, odd), (cos, sin) = pairs.unbind(-1), table_NK2[:, None].unbind(-1)
        turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table_NK2)[:, None])
    return turned.flatten(-2).to(x_BNHK.dtype)


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draws all linear (Xavier) and convolutional weights (PyTorch's default) inside `module`; biases are zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
        elif isinstance(layer, nn.Conv1d):
            nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
        if isinstance(layer, nn.Linear | nn.Conv1d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
