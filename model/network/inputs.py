"""Layers from raw inputs to tokens: the InputEmbedding, the four input projections and the time embedding.

Legend: B batch, N audio frames, D width, F latent channels, t flow time in 0..1 (0 noise, 1 data).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from model.config import NetworkConfig
from model.network.layers import ChannelLastConv1d, GatedMLP, slow_frequencies


class ConvPositionEmbedding(nn.Module):
    """Two grouped convolutions with Mish, as in F5-TTS; the caller adds the residual. Source: SPEC M4."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.conv1d = nn.Sequential(
            ChannelLastConv1d(width, width, kernel, groups=groups),
            nn.Mish(),
            ChannelLastConv1d(width, width, kernel, groups=groups),
            nn.Mish(),
        )

    def forward(self, x_BND: Tensor) -> Tensor:
        """Returns (B, N, D)."""
        result: Tensor = self.conv1d(x_BND)
        return result


class InputEmbedding(nn.Module):
    """Joins the flow state and the masked latent channel-wise: Linear(2F -> D), then positions. Source: SPEC M4."""

    def __init__(self, channels: int, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * channels, width)
        self.conv_pos_embed = ConvPositionEmbedding(width, kernel, groups)

    def forward(self, x_BNF: Tensor, reference_BNF: Tensor) -> Tensor:
        """Returns (B, N, D) from x_t and the masked latent (zero on masked frames)."""
        h_BND = self.proj(torch.cat([x_BNF, reference_BNF], dim=-1))
        result: Tensor = h_BND + self.conv_pos_embed(h_BND)
        return result


class TimestepEmbedder(nn.Module):
    """Sinusoids of t and a small MLP. Computed in fp32: v2's arguments reach 10,000, far beyond bf16's precision."""

    def __init__(self, width: int, frequencies: int, max_period: float) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(frequencies, width), nn.SiLU(), nn.Linear(width, width))
        self.frequencies, self.max_period = frequencies, max_period
        self.register_buffer("freqs", self.fast_frequencies(), persistent=False)
        self.freqs: Tensor

    def forward(self, t_B: Tensor) -> Tensor:
        """Returns (B, D)."""
        with torch.autocast(t_B.device.type, enabled=False):
            result: Tensor = self.mlp(self.sinusoids(t_B).to(next(self.mlp.parameters()).dtype))
        return result

    def sinusoids(self, t_B: Tensor) -> Tensor:
        """Returns (B, frequencies): cosines, then sines, in fp32 whatever the autocast and the weights' type."""
        with torch.autocast(t_B.device.type, enabled=False):
            argument = t_B.float()[:, None] * self.freqs
            return torch.cat([argument.cos(), argument.sin()], dim=-1)

    def fast_frequencies(self) -> Tensor:
        """Returns (frequencies / 2,) in fp32, made on the CPU so that devices agree."""
        return slow_frequencies(self.frequencies, torch.device("cpu")) * (10000.0 / self.max_period)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves the module; a cast to bf16 leaves the frequencies in fp32."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.freqs = self.fast_frequencies().to(self.freqs.device)
        return self


def time_embedding(config: NetworkConfig) -> TimestepEmbedder:
    """Returns the time embedding of MMAudio v1 (256 slow frequencies) or v2 (D fast ones)."""
    if config.version == "v1":
        return TimestepEmbedder(config.width, 256, max_period=10000.0)
    return TimestepEmbedder(config.width, config.width, max_period=1.0)


def audio_projection(config: NetworkConfig, channels: int) -> nn.Sequential:
    """Returns the projection into the audio stream; `channels` is D behind an InputEmbedding, else F."""
    first = ChannelLastConv1d(channels, config.width, config.audio_kernel)
    return nn.Sequential(first, _conv_activation(config), GatedMLP(config.width, config.mlp_width, config.audio_kernel))


def sync_projection(config: NetworkConfig, channels: int) -> nn.Sequential:
    """Returns the projection of synchronisation features to width D (SPEC M8)."""
    first = ChannelLastConv1d(channels, config.width, config.sync_kernel)
    return nn.Sequential(first, _conv_activation(config), GatedMLP(config.width, config.mlp_width, config.block_kernel))


def token_projection(config: NetworkConfig, channels: int, kernel: int) -> nn.Sequential:
    """Returns the projection of clip (kernel 3) or text (kernel 1) tokens; v2 has a SiLU in between."""
    middle = [] if config.version == "v1" else [nn.SiLU()]
    return nn.Sequential(nn.Linear(channels, config.width), *middle, GatedMLP(config.width, config.mlp_width, kernel))


def _conv_activation(config: NetworkConfig) -> nn.Module:
    return nn.SELU() if config.version == "v1" else nn.SiLU()
