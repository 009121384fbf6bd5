"""Stable Audio's VAE as diffusers stores it (`AutoencoderOobleck`): Stable Audio Open, ACE-Step.

Legend: B batch, C audio channels (2), T samples, N latent frames, F latent channels. T = N * hop.
DAC's shape under other names, with a Snake that has its own amplitude: x + sin(exp(alpha) x)^2 / exp(beta).
Source: SPEC M2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import WeightsError
from model.codec.dac_vae import old_weight_norm

_EPS: Final = 1e-9
_MIN_STD: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class OobleckSizes:
    """The fields of the folder's `config.json`; the defaults are Stable Audio Open's."""

    sampling_rate: int = 44_100
    audio_channels: int = 2
    encoder_hidden_size: int = 128
    downsampling_ratios: tuple[int, ...] = (2, 4, 4, 8, 8)
    channel_multiples: tuple[int, ...] = (1, 2, 4, 8, 16)
    decoder_channels: int = 128
    decoder_input_channels: int = 64

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.downsampling_ratios)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Returns the sizes in a `config.json`. Raises WeightsError when they do not make a VAE."""
        names = cls.__dataclass_fields__
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in config.items() if name in names
        }
        sizes = cls(**values)
        if len(sizes.downsampling_ratios) != len(sizes.channel_multiples):
            raise WeightsError(
                f"config.json has {len(sizes.downsampling_ratios)} downsampling_ratios and "
                f"{len(sizes.channel_multiples)} channel_multiples; expected as many of one as of the other"
            )
        if sizes.encoder_hidden_size != 2 * sizes.decoder_input_channels:
            raise WeightsError(
                f"config.json: the encoder gives {sizes.encoder_hidden_size} channels; expected mean and scale of "
                f"{sizes.decoder_input_channels} latent channels"
            )
        return sizes


class Oobleck(nn.Module):
    """Encoder, Gaussian latent with a softplus deviation, decoder (SPEC M2)."""

    def __init__(self, sizes: OobleckSizes) -> None:
        super().__init__()
        with old_weight_norm():
            self.encoder = _Encoder(sizes)
            self.decoder = _Decoder(sizes)

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N). T must be a multiple of the hop."""
        mean_BFN, scale_BFN = self.encoder(audio_BCT).chunk(2, dim=1)
        return mean_BFN, functional.softplus(scale_BFN) + _MIN_STD

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, C, T), not clipped."""
        audio_BCT: Tensor = self.decoder(latent_BFN)
        return audio_BCT


class _Snake(nn.Module):
    """Snake with frequency exp(alpha) and inverse amplitude exp(beta), per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1, width, 1))
        self.beta = nn.Parameter(torch.zeros(1, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha.exp() * x).square() / (self.beta.exp() + _EPS)


class _Unit(nn.Module):
    """Residual unit: Snake, dilated k7, Snake, k1."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        self.snake1 = _Snake(width)
        self.conv1 = WNConv1d(width, width, kernel_size=7, dilation=dilation, padding=3 * dilation)
        self.snake2 = _Snake(width)
        self.conv2 = WNConv1d(width, width, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.snake2(self.conv1(self.snake1(x))))
        return x + y


class _Down(nn.Module):
    """Three residual units, then a strided convolution."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        self.res_unit1, self.res_unit2, self.res_unit3 = (_Unit(width, dilation) for dilation in (1, 3, 9))
        self.snake1 = _Snake(width)
        self.conv1 = WNConv1d(width, out, kernel_size=2 * stride, stride=stride, padding=math.ceil(stride / 2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv1(self.snake1(self.res_unit3(self.res_unit2(self.res_unit1(x)))))
        return y


class _Up(nn.Module):
    """A transposed convolution of exact length, then three residual units."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        from model.codec.blocks import WNConvTranspose1d

        self.snake1 = _Snake(width)
        self.conv_t1 = WNConvTranspose1d(
            width,
            out,
            kernel_size=2 * stride,
            stride=stride,
            padding=math.ceil(stride / 2),
            output_padding=stride % 2,
        )
        self.res_unit1, self.res_unit2, self.res_unit3 = (_Unit(out, dilation) for dilation in (1, 3, 9))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.res_unit3(self.res_unit2(self.res_unit1(self.conv_t1(self.snake1(x)))))
        return y


class _Encoder(nn.Module):
    def __init__(self, sizes: OobleckSizes) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        widths = [sizes.encoder_hidden_size * multiple for multiple in (1, *sizes.channel_multiples)]
        steps = zip(widths, widths[1:], sizes.downsampling_ratios, strict=False)
        self.conv1 = WNConv1d(sizes.audio_channels, widths[0], kernel_size=7, padding=3)
        self.block = nn.ModuleList(_Down(width, out, stride) for width, out, stride in steps)
        self.snake1 = _Snake(widths[-1])
        self.conv2 = WNConv1d(widths[-1], sizes.encoder_hidden_size, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for block in self.block:
            x = block(x)
        y: Tensor = self.conv2(self.snake1(x))
        return y


class _Decoder(nn.Module):
    def __init__(self, sizes: OobleckSizes) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        widths = [sizes.decoder_channels * multiple for multiple in (1, *sizes.channel_multiples)][::-1]
        steps = zip(widths, widths[1:], sizes.downsampling_ratios[::-1], strict=False)
        self.conv1 = WNConv1d(sizes.decoder_input_channels, widths[0], kernel_size=7, padding=3)
        self.block = nn.ModuleList(_Up(width, out, stride) for width, out, stride in steps)
        self.snake1 = _Snake(widths[-1])
        self.conv2 = WNConv1d(widths[-1], sizes.audio_channels, kernel_size=7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for block in self.block:
            x = block(x)
        y: Tensor = self.conv2(self.snake1(x))
        return y
