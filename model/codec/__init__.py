"""The audio codecs: the embedded mel-VAE, DAC's blocks as a KL-VAE, published ones, and the loaded codec."""

from model.codec.codec import EMBEDDED, Codec, codec_path, load_codec
from model.codec.mel_vae import StackedMelConfig, StackedMelVAE
from model.codec.network import DACVAE, DACVAEConfig

__all__ = [
    "DACVAE",
    "EMBEDDED",
    "Codec",
    "DACVAEConfig",
    "StackedMelConfig",
    "StackedMelVAE",
    "codec_path",
    "load_codec",
]
