"""Trains the DAC-VAE: mel distances, KL, and DAC's discriminators with feature matching.

Legend: B segments, T samples, F latent channels, N latent frames.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from model.codec.network import DACVAE, DACVAEConfig
from tasks.commands.train_codec.adversary import Adversary
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.losses import codec_losses
from tasks.commands.train_codec.start import scale_by_data
from tasks.commands.train_codec.trainer import Trainer, latent_noise, update

_START_BATCHES: Final = 8
_DISCRIMINATOR_CLIP: Final = 10.0  # as DAC


class DACVAETrainer(Trainer):
    """The DAC-VAE's training. Without periods and FFT sizes there is no adversary."""

    sizes: DACVAEConfig

    def __init__(self, config: CodecTrainConfig) -> None:
        settings = config.dac_vae
        self.config = config
        self.sizes = DACVAEConfig(
            encoder_dim=settings.encoder_dim, decoder_dim=settings.decoder_dim, latent_dim=settings.latent_dim
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = DACVAE(self.sizes).to(config.device)
            self.adversary = self._adversary()
        self.modules = {"network": self.network}
        self.optimisers = {"network": _adam(self.network, config)}
        if self.adversary:
            self.modules["adversary"] = self.adversary
            self.optimisers["adversary"] = _adam(self.adversary, config)

    def initialise(self, segments: Segments) -> None:
        """Scales the fresh layers by data."""
        batches = [segments.batch(-1 - index) for index in range(_START_BATCHES)]
        scale_by_data(self.network, torch.cat(batches).to(self.config.device))

    def step(self, real_BT: Tensor, step: int) -> dict[str, Tensor]:
        """Updates the discriminators, then the network; returns the terms of both losses."""
        settings = self.config.dac_vae
        mean_BFN, logvar_BFN = self.network.moments(real_BT)
        noise_BFN = latent_noise(mean_BFN, self.config, step)
        made_BT = self.network.synthesise(mean_BFN + torch.exp(0.5 * logvar_BFN) * noise_BFN)
        terms = codec_losses(real_BT, made_BT, mean_BFN, logvar_BFN, self.sizes.sample_rate_hz)
        loss = (
            settings.mel_weight * terms.mel
            + settings.spectral_weight * terms.spectral
            - settings.wave_weight * terms.snr_db
            + settings.kl_weight * terms.kl
        )
        logged = {"mel": terms.mel, "spectral": terms.spectral, "snr_db": terms.snr_db, "kl": terms.kl}
        if self.adversary:
            judged = self.adversary.discriminator_loss(real_BT, made_BT)
            update(self.optimisers["adversary"], judged, _DISCRIMINATOR_CLIP, f"step {step} of the discriminators")
            adversarial, feature = self.adversary.generator_losses(real_BT, made_BT)
            loss = loss + settings.adversarial_weight * adversarial + settings.feature_weight * feature
            logged |= {"discriminator": judged, "adversarial": adversarial, "feature": feature}
        norm = update(self.optimisers["network"], loss, settings.grad_clip, f"step {step}")
        return {name: value.detach() for name, value in logged.items()} | {"gradient": norm}

    def _adversary(self) -> Adversary | None:
        settings = self.config.dac_vae
        if not settings.periods and not settings.fft_sizes:
            return None
        adversary = Adversary(settings.periods, settings.fft_sizes, self.sizes.sample_rate_hz)
        return adversary.to(self.config.device)


def _adam(module: DACVAE | Adversary, config: CodecTrainConfig) -> torch.optim.Optimizer:
    groups = [{"params": list(module.parameters()), "lr_share": 1.0}]
    return torch.optim.AdamW(groups, lr=config.dac_vae.lr, betas=(0.8, 0.99), weight_decay=1e-4, fused=True)
