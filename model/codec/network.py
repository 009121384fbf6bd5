"""A KL-VAE made of descript-audio-codec's encoder and decoder blocks (Snake, dilated residual units).

Legend: B batch, T samples, N latent frames, F latent channels. T = N * hop exactly, both ways.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from model.codec.torchaudio_shim import prepare_torchaudio

LOGVAR_RANGE: Final = (-10.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DACVAEConfig:
    """Sizes of the network. `strides` from the waveform inwards; their product is the hop."""

    sample_rate_hz: int = 16_000
    strides: tuple[int, ...] = (8, 4, 4, 5)
    encoder_dim: int = 8
    decoder_dim: int = 128
    latent_dim: int = 32

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.strides)


class DACVAE(nn.Module):
    """DAC's encoder, a Gaussian latent, DAC's decoder (SPEC M2). No quantiser."""

    def __init__(self, config: DACVAEConfig) -> None:
        super().__init__()
        prepare_torchaudio()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # dac's weight_norm: old spelling, same numbers
            from dac.model.dac import Decoder, Encoder

            wide = config.encoder_dim * 2 ** len(config.strides)
            self.encoder = Encoder(config.encoder_dim, list(config.strides), wide)
            self.decoder = Decoder(config.latent_dim, config.decoder_dim, list(reversed(config.strides)))
        self.quant_conv = nn.Conv1d(wide, 2 * config.latent_dim, 1)
        self.post_quant_conv = nn.Conv1d(config.latent_dim, config.latent_dim, 1)
        self.hop = config.hop
        _exact_lengths(self.decoder)

    def moments(self, audio_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log variance, both (B, F, N). T must be a multiple of the hop."""
        wide_BFN = self.encoder(audio_BT[:, None])
        mean_BFN, logvar_BFN = self.quant_conv(wide_BFN).chunk(2, dim=1)
        return mean_BFN, logvar_BFN.clamp(*LOGVAR_RANGE)

    def synthesise(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, T) in -1..1 with T = N * hop."""
        audio_B1T: Tensor = self.decoder(self.post_quant_conv(latent_BFN))
        return audio_B1T[:, 0]

    def fold_weight_norm(self) -> None:
        """Replaces g * v / |v| by plain weights: equal output, faster. For inference only."""
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)) and hasattr(module, "weight_g"):
                nn.utils.remove_weight_norm(module)

    @torch.no_grad()
    def latent_std(self, audio_BT: Tensor) -> Tensor:
        """Returns each channel's deviation of the means over a batch, (F,): a dead channel is near 0."""
        return self.moments(audio_BT)[0].transpose(1, 2).flatten(0, 1).std(0)


def _exact_lengths(decoder: nn.Module) -> None:
    """An odd stride's transposed convolution loses a sample in DAC; one sample of output padding keeps N * stride."""
    for module in decoder.modules():
        if isinstance(module, nn.ConvTranspose1d):
            stride = int(module.stride[0])
            module.output_padding = (stride % 2,)
