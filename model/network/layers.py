"""Building blocks without any notion of audio or video: convolutions on (B, N, D), gated MLPs, rotary positions.

Legend: B batch, N positions, D channels, H heads, K channels per head.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's usual name
from torch import Tensor, nn


class ChannelLastConv1d(nn.Conv1d):
    """`nn.Conv1d` on channel-last input (B, N, in) -> (B, N, out), stride 1, length kept by zero padding."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Returns (B, N, out)."""
        return super().forward(x_BND.transpose(1, 2)).transpose(1, 2)


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
    """Returns (N, K/2) complex exp(i n scaling 10000^(-2j/K)), in fp32 whatever the autocast."""
    with torch.autocast(device.type, enabled=False):
        index = torch.arange(0, channels, 2, device=device, dtype=torch.float32)
        position = torch.arange(length, device=device, dtype=torch.float32) * scaling
        angle = position[:, None] * 10000.0 ** (-index / channels)
        return torch.polar(torch.ones_like(angle), angle)


def rotate(x_BNHK: Tensor, table_NK: Tensor) -> Tensor:
    """Rotates neighbouring channel pairs (0,1), (2,3), ... by the table, in fp32; returns the input's dtype.

    A pair is one complex number, so that the rotation is a single pass over memory.
    """
    pairs = torch.view_as_complex(x_BNHK.float().reshape(*x_BNHK.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * table_NK[:, None]).flatten(-2).to(x_BNHK.dtype)
