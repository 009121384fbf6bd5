"""The 48 kHz, 128-channel, 50 Hz DAC-VAE of MOSS-SoundEffect and HunyuanVideo-Foley, in its own key layout.

Legend: B batch, C audio channels (1), T samples, N latent frames, F latent channels. T = N * hop.
descript-audio-codec's encoder and decoder with two plain 1 x 1 convolutions between them: `quant_conv` to mean and log
variance, `post_quant_conv` back. No quantiser, and no latent scale: the latents are what the file's moments say.
Source: SPEC M2.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

from torch import Tensor, nn

from data_contracts import WeightsError

LOGVAR_RANGE: Final = (-30.0, 20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DACSizes:
    """Sizes of a DAC; the defaults are the published 48 kHz DAC-VAE's. `rates` are the encoder's strides."""

    sample_rate_hz: int = 48_000
    encoder_dim: int = 128
    rates: tuple[int, ...] = (2, 3, 4, 5, 8)
    latent_dim: int = 128
    decoder_dim: int = 2048

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.rates)

    @classmethod
    def from_kwargs(cls, kwargs: dict[str, Any]) -> Self:
        """Returns the sizes in a file's constructor arguments, the published ones where they are missing.

        Raises WeightsError for a file of another kind or whose decoder does not mirror its encoder.
        """
        if not kwargs.get("continuous", True):
            raise WeightsError("the file is a quantising DAC (continuous=False), not a VAE; use a DAC-VAE")
        default = cls()
        rates = tuple(int(rate) for rate in kwargs.get("encoder_rates", default.rates))
        back = tuple(int(rate) for rate in kwargs.get("decoder_rates", reversed(rates)))
        if back != rates[::-1]:
            raise WeightsError(f"decoder_rates {back} do not mirror encoder_rates {rates}; it is not a codec")
        return cls(
            sample_rate_hz=int(kwargs.get("sample_rate", default.sample_rate_hz)),
            encoder_dim=int(kwargs.get("encoder_dim", default.encoder_dim)),
            rates=rates,
            latent_dim=int(kwargs.get("latent_dim", default.latent_dim)),
            decoder_dim=int(kwargs.get("decoder_dim", default.decoder_dim)),
        )


class ContinuousDAC(nn.Module):
    """DAC's encoder and decoder around a Gaussian latent (SPEC M2)."""

    def __init__(self, sizes: DACSizes) -> None:
        super().__init__()
        self.encoder = dac_encoder(sizes.encoder_dim, sizes.rates, sizes.latent_dim)
        self.decoder = dac_decoder(sizes.latent_dim, sizes.decoder_dim, sizes.rates[::-1])
        self.quant_conv = nn.Conv1d(sizes.latent_dim, 2 * sizes.latent_dim, 1)
        self.post_quant_conv = nn.Conv1d(sizes.latent_dim, sizes.latent_dim, 1)

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N). T must be a multiple of the hop."""
        mean_BFN, logvar_BFN = self.quant_conv(self.encoder(audio_BCT)).chunk(2, dim=1)
        return mean_BFN, (0.5 * logvar_BFN.clamp(*LOGVAR_RANGE)).exp()

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, C, T) in -1..1."""
        audio_BCT: Tensor = self.decoder(self.post_quant_conv(latent_BFN))
        return audio_BCT


def dac_encoder(width: int, rates: tuple[int, ...], out: int) -> nn.Module:
    """Returns descript-audio-codec's encoder: keys `block.0`, `block.1.block...`, weight-normed."""
    from model.codec.blocks import Encoder

    with old_weight_norm():
        return Encoder(width, list(rates), out)


def dac_decoder(latent_dim: int, width: int, rates: tuple[int, ...]) -> nn.Module:
    """Returns descript-audio-codec's decoder with exact lengths: keys `model.0`, `model.1.block...`, ends in tanh."""
    from model.codec.blocks import Decoder

    with old_weight_norm():
        decoder = Decoder(latent_dim, width, list(rates))
    exact_lengths(decoder)
    return decoder


def exact_lengths(decoder: nn.Module) -> None:
    """Gives odd strides one sample of output padding: DAC pads ceil(stride / 2), which loses that sample."""
    for module in decoder.modules():
        if isinstance(module, nn.ConvTranspose1d):
            module.output_padding = (int(module.stride[0]) % 2,)


@contextmanager
def old_weight_norm() -> Iterator[None]:
    """Silences the warning that dac's weight_norm is deprecated; its key names are those in the files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def fold_weight_norm(network: nn.Module) -> None:
    """Replaces g * v / |v| by plain weights: equal output, faster. For inference only."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)) and hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
