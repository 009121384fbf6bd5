"""BigVGAN, the vocoder behind MMAudio's VAE: log mel spectrogram to waveform, in its own key layout.

Legend: B batch, D width, K mel bands, M mel frames, T = M * hop samples.
Each residual block works with Snake activations at twice the rate: up by a Kaiser-windowed sinc, x + sin(a x)^2 / b,
down by the same filter, so that new harmonics do not alias. Frequencies a and amplitudes b are stored as
logarithms. Version 2 (44.1 kHz, 128 bands) ends in a clamp and has no bias there, version 1 (16 kHz, 80 bands) ends in
tanh. Source: SPEC M1; Lee et al. 2023, "BigVGAN".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import WeightsError
from model.codec.dac_vae import old_weight_norm

_EPS: Final = 1e-9
_TAPS: Final = 12  # of the filter that doubles and halves the rate
_RATIO: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BigVGANSizes:
    """Sizes of a vocoder; the defaults are `bigvgan_v2_44khz_128band_512x`'s."""

    num_mels: int = 128
    upsample_rates: tuple[int, ...] = (8, 4, 2, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (16, 8, 4, 4, 4, 4)
    upsample_initial_channel: int = 1536
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    use_tanh_at_final: bool = False
    use_bias_at_final: bool = False

    @property
    def hop(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.upsample_rates)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Returns the sizes in a `config.json`. Raises WeightsError for other variants of BigVGAN."""
        if (config.get("resblock"), config.get("activation"), config.get("snake_logscale")) != ("1", "snakebeta", True):
            raise WeightsError("this BigVGAN is not of resblock 1, activation snakebeta and snake_logscale true")
        dilations = {tuple(row) for row in config.get("resblock_dilation_sizes", [[1, 3, 5]])}
        if len(dilations) != 1:
            raise WeightsError(f"this BigVGAN has blocks of different dilations {sorted(dilations)}; expected one set")
        names = cls.__dataclass_fields__
        values = {
            name: tuple(value) if isinstance(value, list) else value for name, value in config.items() if name in names
        }
        last = {name: config.get(name, True) for name in ("use_tanh_at_final", "use_bias_at_final")}
        return cls(**{**values, **last, "resblock_dilations": dilations.pop()})


BIGVGAN_16K: Final = BigVGANSizes(
    num_mels=80,
    upsample_rates=(4, 4, 2, 2, 2, 2),
    upsample_kernel_sizes=(8, 8, 4, 4, 4, 4),
    use_tanh_at_final=True,
    use_bias_at_final=True,
)


class BigVGAN(nn.Module):
    """The generator. Keys: `conv_pre`, `ups.i.0`, `resblocks.j`, `activation_post`, `conv_post`."""

    def __init__(self, sizes: BigVGANSizes) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        self.sizes = sizes
        wide = sizes.upsample_initial_channel
        widths = [wide // 2**level for level in range(len(sizes.upsample_rates) + 1)]
        with old_weight_norm():
            self.conv_pre = WNConv1d(sizes.num_mels, wide, kernel_size=7, padding=3)
            self.ups = nn.ModuleList(_ups(sizes, widths))
            self.resblocks = nn.ModuleList(
                _Block(width, kernel, sizes.resblock_dilations)
                for width in widths[1:]
                for kernel in sizes.resblock_kernel_sizes
            )
            self.activation_post = _Activation(widths[-1])
            self.conv_post = WNConv1d(widths[-1], 1, kernel_size=7, padding=3, bias=sizes.use_bias_at_final)

    def forward(self, mel_BKM: Tensor) -> Tensor:
        """Returns audio (B, 1, T) in -1..1."""
        x = self.conv_pre(mel_BKM)
        kernels = len(self.sizes.resblock_kernel_sizes)
        for level, up in enumerate(self.ups):
            x = up[0](x)  # type: ignore[index]  # a list of one
            blocks = self.resblocks[level * kernels : (level + 1) * kernels]
            x = torch.stack([block(x) for block in blocks]).sum(0) / kernels
        x = self.conv_post(self.activation_post(x))
        return torch.tanh(x) if self.sizes.use_tanh_at_final else x.clamp(-1, 1)


def _ups(sizes: BigVGANSizes, widths: list[int]) -> list[nn.Module]:
    from model.codec.blocks import WNConvTranspose1d

    return [
        nn.ModuleList([WNConvTranspose1d(width, out, kernel_size=kernel, stride=rate, padding=(kernel - rate) // 2)])
        for width, out, rate, kernel in zip(
            widths, widths[1:], sizes.upsample_rates, sizes.upsample_kernel_sizes, strict=False
        )
    ]


class _Block(nn.Module):
    """Three times: activation, dilated convolution, activation, convolution, added to the input."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        side = (kernel - 1) // 2
        self.convs1 = nn.ModuleList(
            WNConv1d(width, width, kernel_size=kernel, dilation=dilation, padding=side * dilation)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(WNConv1d(width, width, kernel_size=kernel, padding=side) for _ in dilations)
        self.activations = nn.ModuleList(_Activation(width) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        for index, (first, second) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            inner = first(self.activations[2 * index](x))
            x = x + second(self.activations[2 * index + 1](inner))
        return x


class _Activation(nn.Module):
    """SnakeBeta at twice the rate. The filters are part of the file; `low_pass` gives the published ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.act = _SnakeBeta(width)
        self.upsample, lowpass = _Filter(), _Filter()
        self.downsample = nn.ModuleDict({"lowpass": lowpass})
        self._filters = [self.upsample, lowpass]  # in a list, so that they have no second name in the state dict

    def forward(self, x_BDT: Tensor) -> Tensor:
        doubled = _double(x_BDT, self._filters[0].filter)
        return _halve(self.act(doubled), self._filters[1].filter)


class _SnakeBeta(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x_BDT: Tensor) -> Tensor:
        frequency, amplitude = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x_BDT + torch.sin(frequency * x_BDT).square() / (amplitude + _EPS)


class _Filter(nn.Module):
    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", low_pass())


def low_pass() -> Tensor:
    """Returns (1, 1, 12): a sinc of cut-off 1/4 under a Kaiser window (transition 0.3 wide), its taps summing to 1."""
    attenuation = 2.285 * (_TAPS // 2 - 1) * math.pi * 4 * (0.6 / _RATIO) + 7.95
    window = torch.kaiser_window(_TAPS, periodic=False, beta=_kaiser_beta(attenuation))
    time = torch.arange(-(_TAPS // 2), _TAPS // 2) + 0.5
    taps = window * torch.sinc(time / _RATIO)
    return (taps / taps.sum()).reshape(1, 1, _TAPS)


def _kaiser_beta(attenuation_db: float) -> float:
    """Kaiser's formula: how steep the window for this much attenuation."""
    if attenuation_db > 50:
        return 0.1102 * (attenuation_db - 8.7)
    if attenuation_db >= 21:
        return 0.5842 * (attenuation_db - 21) ** 0.4 + 0.07886 * (attenuation_db - 21)
    return 0.0


def _double(x_BDT: Tensor, taps: Tensor) -> Tensor:
    """Returns (B, D, 2 T): zeros between the samples, filtered, edges repeated."""
    width, side = x_BDT.shape[1], _TAPS // _RATIO - 1
    padded = functional.pad(x_BDT, (side, side), mode="replicate")
    up = _RATIO * functional.conv_transpose1d(padded, taps.expand(width, -1, -1), stride=_RATIO, groups=width)
    cut = side * _RATIO + (_TAPS - _RATIO) // 2
    return up[..., cut : cut + _RATIO * x_BDT.shape[-1]]


def _halve(x_BDT: Tensor, taps: Tensor) -> Tensor:
    """Returns (B, D, T / 2): filtered with edges repeated, every second sample."""
    width = x_BDT.shape[1]
    padded = functional.pad(x_BDT, (_TAPS // 2 - 1, _TAPS // 2), mode="replicate")
    return functional.conv1d(padded, taps.expand(width, -1, -1), stride=_RATIO, groups=width)
