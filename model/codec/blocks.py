"""descript-audio-codec's building blocks, behind the torchaudio shim. Import this module where a network is built, not
at the top of a file: the package behind it takes seconds to import."""

from __future__ import annotations

from model.codec.torchaudio_shim import prepare_torchaudio

prepare_torchaudio()

from dac.model.dac import Decoder, DecoderBlock, Encoder, EncoderBlock, ResidualUnit  # noqa: E402  after the shim
from dac.model.discriminator import Discriminator  # noqa: E402
from dac.nn.layers import Snake1d, WNConv1d, WNConvTranspose1d  # noqa: E402

__all__ = [
    "Decoder",
    "DecoderBlock",
    "Discriminator",
    "Encoder",
    "EncoderBlock",
    "ResidualUnit",
    "Snake1d",
    "WNConv1d",
    "WNConvTranspose1d",
]
