"""A KL-VAE made of descript-audio-codec's encoder and decoder blocks (Snake, dilated residual units).

Legend: B batch, T samples, P samples per patch, R = T / P patches, N latent frames, F latent channels. T = N * hop.

The blocks work on patches of P samples (as channels), not on single samples: a tenth of the work. Each patch is split
into its level (log) and its shape (level 1), and the decoder multiplies the two again, so that audio at -60 dB is coded
as well as loud audio, and an attack is one step of the level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from model.codec.dac_vae import exact_lengths, fold_weight_norm, old_weight_norm

LOGVAR_RANGE: Final = (-10.0, 4.0)
_SILENCE: Final = 1e-5  # -100 dBFS
_MIDDLE_DECADE: Final = -2.5  # levels reach from -5 to 0 decades
_REACH: Final = 2.9  # decades to either side, limited by tanh


@dataclass(frozen=True, slots=True, kw_only=True)
class DACVAEConfig:
    """Sizes of the network. `strides` from the patches inwards; patch times their product is the hop."""

    sample_rate_hz: int = 16_000
    patch: int = 16
    strides: tuple[int, ...] = (4, 2, 5)
    encoder_dim: int = 32
    decoder_dim: int = 256
    latent_dim: int = 32

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return self.patch * math.prod(self.strides)


class DACVAE(nn.Module):
    """DAC's encoder blocks, a Gaussian latent, DAC's decoder blocks (SPEC M2). No quantiser."""

    def __init__(self, config: DACVAEConfig) -> None:
        super().__init__()
        wide = config.encoder_dim * 2 ** len(config.strides)
        with old_weight_norm():
            self.encoder = _encoder(config, wide)
            self.decoder = _decoder(config)
        self.quant_conv = nn.Conv1d(wide, 2 * config.latent_dim, 1)
        self.post_quant_conv = nn.Conv1d(config.latent_dim, config.latent_dim, 1)
        self.patch = config.patch
        exact_lengths(self.decoder)

    def moments(self, audio_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance, both (B, F, N). T must be a multiple of the hop."""
        patches_BPR = audio_BT.reshape(len(audio_BT), -1, self.patch).transpose(1, 2)
        level_B1R = (patches_BPR.square().mean(1, keepdim=True) + _SILENCE**2).sqrt()
        split_BCR = torch.cat([patches_BPR / level_B1R, level_B1R.log10() - _MIDDLE_DECADE], dim=1)
        mean_BFN, logvar_BFN = self.quant_conv(self.encoder(split_BCR)).chunk(2, dim=1)
        return mean_BFN, logvar_BFN.clamp(*LOGVAR_RANGE)

    def synthesise(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, T) with T = N * hop; not clipped to -1..1."""
        split_BCR: Tensor = self.decoder(self.post_quant_conv(latent_BFN))
        decades_B1R = _MIDDLE_DECADE + _REACH * torch.tanh(split_BCR[:, -1:] / _REACH)
        level_B1R = torch.pow(10.0, decades_B1R)
        return (split_BCR[:, :-1] * level_B1R).transpose(1, 2).flatten(1)

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation, both (B, F, N), of mono audio (B, 1, T)."""
        mean_BFN, logvar_BFN = self.moments(audio_BCT[:, 0])
        return mean_BFN, torch.exp(0.5 * logvar_BFN)

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, 1, T); not clipped to -1..1."""
        return self.synthesise(latent_BFN)[:, None]

    def fold_weight_norm(self) -> None:
        """Replaces g * v / |v| by plain weights: equal output, faster. For inference only."""
        fold_weight_norm(self)


def _encoder(config: DACVAEConfig, wide: int) -> nn.Sequential:
    from model.codec.blocks import EncoderBlock, Snake1d, WNConv1d

    layers = [WNConv1d(config.patch + 1, config.encoder_dim, kernel_size=7, padding=3)]
    for index, stride in enumerate(config.strides):
        layers.append(EncoderBlock(config.encoder_dim * 2 ** (index + 1), stride=stride))
    return nn.Sequential(*layers, Snake1d(wide), WNConv1d(wide, wide, kernel_size=3, padding=1))


def _decoder(config: DACVAEConfig) -> nn.Sequential:
    from model.codec.blocks import DecoderBlock, Snake1d, WNConv1d

    width = config.decoder_dim
    layers = [WNConv1d(config.latent_dim, width, kernel_size=7, padding=3)]
    for stride in reversed(config.strides):
        layers.append(DecoderBlock(width, width // 2, stride))
        width //= 2
    return nn.Sequential(*layers, Snake1d(width), WNConv1d(width, config.patch + 1, kernel_size=7, padding=3))
