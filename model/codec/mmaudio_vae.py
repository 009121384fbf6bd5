"""MMAudio's mel VAE in its own key layout: magnitude-preserving convolutions over time.

Legend: B batch, K mel bands, M mel frames, N = M / 2 latent frames, F latent channels, D width, H = D // heads.
A magnitude-preserving network (Karras et al. 2024, "Analyzing and improving the training dynamics of diffusion
models") keeps activations at unit size without learned norms: each convolution's rows have length one, sums and
non-linearities are divided by the size they would add. Files have raw rows; `normalise_rows` is applied once after
loading. The attention in the middle is global over time, so a reference has to be encoded alone (never cut out of a
longer latent). Source: SPEC M1, M2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

LOGVAR_RANGE: Final = (-30.0, 20.0)
_EPS: Final = 1e-4
_SILU_SIZE: Final = 0.596  # root mean square of silu(x) for x of unit size
_BRANCH: Final = 0.3  # share of a residual branch in its sum
_LIMIT: Final = 256.0
_MULTIPLES: Final = (1, 2, 4)
_BLOCKS: Final = 2
_HALVED_AFTER: Final = 0  # the level after which time is halved


@dataclass(frozen=True, slots=True, kw_only=True)
class VAESizes:
    """Sizes of one of MMAudio's VAEs."""

    bands: int
    latent_dim: int
    width: int


class MelVAE(nn.Module):
    """Log mel spectrogram to Gaussian latents and back."""

    data_mean: Tensor
    data_std: Tensor

    def __init__(self, sizes: VAESizes) -> None:
        super().__init__()
        self.register_buffer("data_mean", torch.zeros(1, sizes.bands, 1))
        self.register_buffer("data_std", torch.ones(1, sizes.bands, 1))
        self.encoder = _Encoder(sizes)
        self.decoder = _Decoder(sizes)

    def posterior(self, mel_BKM: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N). M must be even."""
        moments = self.encoder((mel_BKM - self.data_mean) / self.data_std)
        mean_BFN, logvar_BFN = moments.chunk(2, dim=1)
        return mean_BFN, (0.5 * logvar_BFN.clamp(*LOGVAR_RANGE)).exp()

    def mel(self, latent_BFN: Tensor) -> Tensor:
        """Returns the log mel spectrogram (B, K, 2 N)."""
        mel_BKM: Tensor = self.decoder(latent_BFN) * self.data_std + self.data_mean
        return mel_BKM

    @torch.no_grad()
    def normalise_rows(self) -> None:
        """Scales every convolution's rows to their effective length; call once, right after loading a file."""
        for module in self.modules():
            if isinstance(module, _Conv):
                module.weight.copy_(_unit(module.weight, dims=(1, 2)) / math.sqrt(module.weight[0].numel()))


class _Conv(nn.Module):
    """Convolution of odd kernel without bias, zero-padded to equal length."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel))

    def forward(self, x_BDM: Tensor, gain: Tensor | float = 1.0) -> Tensor:
        return functional.conv1d(x_BDM, self.weight * gain, padding=self.weight.shape[-1] // 2)


class _Residual(nn.Module):
    """Pixel norm, then two convolutions beside a skip that changes the width where it must."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = _Conv(channels_in, channels_out)
        self.conv2 = _Conv(channels_out, channels_out)
        if channels_in != channels_out:
            self.nin_shortcut = _Conv(channels_in, channels_out, 1)

    def forward(self, x_BDM: Tensor) -> Tensor:
        skip = _unit(x_BDM, dims=(1,))
        branch = self.conv2(_silu(self.conv1(_silu(skip))))
        if hasattr(self, "nin_shortcut"):
            skip = self.nin_shortcut(skip)
        return _sum(skip, branch)


class _Attention(nn.Module):
    """One head over all frames; rows of `qkv` go q, k, v, q, k, v ..."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = _Conv(width, 3 * width, 1)
        self.proj_out = _Conv(width, width, 1)

    def forward(self, x_BDM: Tensor) -> Tensor:
        batch, width, frames = x_BDM.shape
        parts = _unit(self.qkv(x_BDM).reshape(batch, width, 3, frames), dims=(1,))
        query, key, value = (parts[:, :, index].transpose(1, 2)[:, None] for index in range(3))
        mixed_BDM = functional.scaled_dot_product_attention(query, key, value)[:, 0].transpose(1, 2)
        return _sum(x_BDM, self.proj_out(mixed_BDM))


class _Level(nn.Module):
    """Residual blocks of one width; `downsample` or `upsample` is set where time changes."""

    def __init__(self, channels_in: int, channels_out: int, blocks: int) -> None:
        super().__init__()
        widths = [channels_in] + [channels_out] * blocks
        self.block = nn.ModuleList(_Residual(a, b) for a, b in pairwise(widths))

    def forward(self, x_BDM: Tensor) -> Tensor:
        for block in self.block:
            x_BDM = block(x_BDM).clamp(-_LIMIT, _LIMIT)
        for name, module in self.named_children():
            if name != "block":
                x_BDM = module(x_BDM)
        return x_BDM


class _Halve(nn.Module):
    """k1, mean of two frames, k1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(width, width, 1), _Conv(width, width, 1)

    def forward(self, x_BDM: Tensor) -> Tensor:
        halved: Tensor = self.conv2(functional.avg_pool1d(self.conv1(x_BDM), 2))
        return halved


class _Double(nn.Module):
    """Each frame twice, then k3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _Conv(width, width)

    def forward(self, x_BDM: Tensor) -> Tensor:
        doubled: Tensor = self.conv(x_BDM.repeat_interleave(2, dim=2))
        return doubled


class _Middle(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_1, self.block_2 = _Residual(width, width), _Residual(width, width)
        self.attn_1 = _Attention(width)

    def forward(self, x_BDM: Tensor) -> Tensor:
        mixed: Tensor = self.block_2(self.attn_1(self.block_1(x_BDM)))
        return mixed.clamp(-_LIMIT, _LIMIT)


class _Encoder(nn.Module):
    def __init__(self, sizes: VAESizes) -> None:
        super().__init__()
        widths = [sizes.width * multiple for multiple in (1, *_MULTIPLES)]
        self.conv_in = _Conv(sizes.bands, sizes.width)
        self.down = nn.ModuleList(_Level(a, b, _BLOCKS) for a, b in pairwise(widths))
        self.down[_HALVED_AFTER].add_module("downsample", _Halve(widths[_HALVED_AFTER + 1]))
        self.mid = _Middle(widths[-1])
        self.conv_out = _Conv(widths[-1], 2 * sizes.latent_dim)
        self.learnable_gain = nn.Parameter(torch.zeros([]))

    def forward(self, x_BKM: Tensor) -> Tensor:
        x = self.conv_in(x_BKM)
        for level in self.down:
            x = level(x)
        out: Tensor = self.conv_out(_silu(self.mid(x)), self.learnable_gain + 1)
        return out


class _Decoder(nn.Module):
    """`up.2` comes first: the levels are numbered as the encoder's."""

    def __init__(self, sizes: VAESizes) -> None:
        super().__init__()
        widths = [sizes.width * multiple for multiple in (*_MULTIPLES, _MULTIPLES[-1])]
        self.conv_in = _Conv(sizes.latent_dim, widths[-1])
        self.mid = _Middle(widths[-1])
        self.up = nn.ModuleList(_Level(b, a, _BLOCKS + 1) for a, b in pairwise(widths))
        self.up[_HALVED_AFTER + 1].add_module("upsample", _Double(widths[_HALVED_AFTER + 1]))
        self.conv_out = _Conv(widths[0], sizes.bands)
        self.learnable_gain = nn.Parameter(torch.zeros([]))

    def forward(self, x_BFN: Tensor) -> Tensor:
        x = self.mid(self.conv_in(x_BFN))
        for level in reversed(self.up):
            x = level(x)
        out: Tensor = self.conv_out(_silu(x), self.learnable_gain + 1)
        return out


def _unit(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Returns x with a root mean square of one over `dims`."""
    count = math.prod(x.shape[dim] for dim in dims)
    length = torch.linalg.vector_norm(x, dim=dims, keepdim=True)
    return x / (length / math.sqrt(count) + _EPS)


def _silu(x: Tensor) -> Tensor:
    return functional.silu(x) / _SILU_SIZE


def _sum(skip: Tensor, branch: Tensor) -> Tensor:
    return torch.lerp(skip, branch, _BRANCH) / math.sqrt((1 - _BRANCH) ** 2 + _BRANCH**2)
