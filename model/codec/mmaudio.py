"""MMAudio's codec: mel spectrogram, mel VAE, BigVGAN.

Legend: B batch, C audio channels (1), T samples, N latent frames, F latent channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from model.codec.bigvgan import BigVGAN
from model.codec.mel import Mel
from model.codec.mmaudio_vae import MelVAE


class MMAudioCodec(nn.Module):
    """Audio to the VAE's latents and back (SPEC M1, M2). T = 2 * N mel hops."""

    def __init__(self, mel: Mel, vae: MelVAE, vocoder: BigVGAN) -> None:
        super().__init__()
        self.mel, self.vae, self.vocoder = mel, vae, vocoder

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N). T must be a multiple of two mel hops."""
        return self.vae.posterior(self.mel(audio_BCT[:, 0]))

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, 1, T) in -1..1."""
        audio_BCT: Tensor = self.vocoder(self.vae.mel(latent_BFN))
        return audio_BCT
