"""The audio codec: DAC's blocks as a KL-VAE, its weights file, and the loaded codec."""

from model.codec.codec import EMBEDDED, Codec, codec_path, load_codec
from model.codec.network import DACVAE, DACVAEConfig

__all__ = ["DACVAE", "EMBEDDED", "Codec", "DACVAEConfig", "codec_path", "load_codec"]
