"""The embedded codec's network: a VAE of log-mel levels, four frames per latent frame, and phase reconstruction.

Legend: B batch, T samples, M mel frames, K mel bands, N latent frames, F latent channels. T = N * hop, M = N * stack.
It has MMAudio's form (a VAE of mel spectrograms and a vocoder), small enough for a CPU: a linear map that starts as the
principal components, a few convolutions beside it, and Griffin-Lim for the vocoder. The posterior's deviation is one
constant per channel, so the latents' own spread says how much each channel carries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec.griffin_lim import griffin_lim
from model.codec.log_mel import LogMel


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedMelConfig:
    """Sizes of the network. `stack` mel frames make one latent frame."""

    sample_rate_hz: int = 16_000
    window: int = 512
    mel_hop: int = 160
    bands: int = 128
    stack: int = 4
    width: int = 384
    latent_dim: int = 128
    latent_std: float = 0.03

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return self.mel_hop * self.stack

    @property
    def features(self) -> int:
        """Levels per latent frame."""
        return self.bands * self.stack


class StackedMelVAE(nn.Module):
    """Audio to latents with a constant deviation, and back (SPEC M1, M2).

    `gain` scales each channel, mean and deviation alike: encoder and decoder work on latents over the gain.
    """

    gain: Tensor

    def __init__(self, config: StackedMelConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.sample_rate_hz, config.window, config.mel_hop, config.bands)
        self.register_buffer("gain", torch.ones(config.latent_dim, 1))
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)

    def levels(self, audio_BT: Tensor) -> Tensor:
        """Returns the log-mel levels (B, stack * K, N) that the VAE codes. T must be a multiple of the hop."""
        stacked_BND = self.log_mel(audio_BT).reshape(len(audio_BT), -1, self.config.features)
        return stacked_BND.transpose(1, 2)

    def frames(self, level_BDN: Tensor) -> Tensor:
        """Returns stacked levels (B, stack * K, N) as (B, M, K)."""
        return level_BDN.transpose(1, 2).reshape(len(level_BDN), -1, self.config.bands)

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation, both (B, F, N), of mono audio (B, 1, T).

        Each item is coded alone, so that its latents are bit for bit the same in any batch.
        """
        mean_BFN = self.gain * torch.cat([self.encoder(self.levels(audio_CT)) for audio_CT in audio_BCT])
        return mean_BFN, (self.config.latent_std * self.gain).expand_as(mean_BFN).contiguous()

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, 1, T); not clipped to -1..1. Each item is decoded alone."""
        return torch.stack([self._synthesise(latent_FN[None]) for latent_FN in latent_BFN])

    def _synthesise(self, latent_1FN: Tensor) -> Tensor:
        """Returns audio (1, T).

        The levels are made in float64: phase reconstruction amplifies rounding errors ten thousandfold, and those of
        a convolution depend on the length of its input.
        """
        mel = self.log_mel
        level_1DN = self.decoder((latent_1FN / self.gain).double())
        magnitude_1FM = mel.magnitudes(self.frames(level_1DN).float())
        return griffin_lim(magnitude_1FM[0], mel.hann, mel.hop, mel.bank, mel.spread)[None]


class _Encoder(nn.Module):
    """Levels (B, D, N) to latent means (B, F, N): a linear map plus a correction by convolutions."""

    mean: Tensor

    def __init__(self, config: StackedMelConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.features, 1))
        self.linear = nn.Conv1d(config.features, config.latent_dim, 1)
        self.first = nn.Conv1d(config.features, config.width, 3, padding=1)
        self.second = nn.Conv1d(config.width, config.width, 3, padding=1)
        self.last = _zero(nn.Conv1d(config.width, config.latent_dim, 1))

    def forward(self, level_BDN: Tensor) -> Tensor:
        """Returns the latents' means."""
        centred_BDN = level_BDN - self.mean
        hidden = functional.gelu(self.first(centred_BDN))
        hidden = hidden + functional.gelu(self.second(hidden))
        mean_BFN: Tensor = self.linear(centred_BDN) + self.last(hidden)
        return mean_BFN


class _Decoder(nn.Module):
    """Latents (B, F, N) to levels (B, D, N): a linear map plus a correction by convolutions."""

    def __init__(self, config: StackedMelConfig) -> None:
        super().__init__()
        self.linear = nn.Conv1d(config.latent_dim, config.features, 1)
        self.first = nn.Conv1d(config.latent_dim, config.width, 3, padding=1)
        self.second = nn.Conv1d(config.width, config.width, 3, padding=1)
        self.third = nn.Conv1d(config.width, config.width, 3, padding=1)
        self.last = _zero(nn.Conv1d(config.width, config.features, 1))

    def forward(self, latent_BFN: Tensor) -> Tensor:
        """Returns the levels, not limited to their range, in the latents' precision."""
        hidden = functional.gelu(_convolve(self.first, latent_BFN))
        hidden = hidden + functional.gelu(_convolve(self.second, hidden))
        hidden = hidden + functional.gelu(_convolve(self.third, hidden))
        return _convolve(self.linear, latent_BFN) + _convolve(self.last, hidden)


def _convolve(layer: nn.Conv1d, hidden: Tensor) -> Tensor:
    """Returns the layer's output in the input's precision, whatever the weights' is."""
    bias = None if layer.bias is None else layer.bias.to(hidden.dtype)
    return functional.conv1d(hidden, layer.weight.to(hidden.dtype), bias, padding=layer.kernel_size[0] // 2)


def _zero(layer: nn.Conv1d) -> nn.Conv1d:
    """Starts a layer at zero, so that the network starts as its linear maps."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
