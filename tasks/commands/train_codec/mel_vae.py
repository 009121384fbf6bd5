"""Trains the mel-VAE: principal components to start with, then L1 of the log-mel levels.

Legend: B segments, T samples, R rows, D levels per latent frame, F latent channels, N latent frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.codec.mel_vae import StackedMelConfig, StackedMelVAE
from tasks.commands.train_codec.config import CodecTrainConfig, MelVAESettings
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.level_losses import level_losses
from tasks.commands.train_codec.trainer import Trainer, latent_noise, update


class MelVAETrainer(Trainer):
    """The embedded codec's training. Its linear maps learn slower than its convolutions."""

    sizes: StackedMelConfig

    def __init__(self, config: CodecTrainConfig) -> None:
        settings = config.mel_vae
        self.config = config
        self.sizes = mel_vae_sizes(settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = StackedMelVAE(self.sizes).to(config.device)
        linear = [*self.network.encoder.linear.parameters(), *self.network.decoder.linear.parameters()]
        known = {id(parameter) for parameter in linear}
        convolutions = [parameter for parameter in self.network.parameters() if id(parameter) not in known]
        groups = [
            {"params": convolutions, "lr_share": 1.0},
            {"params": linear, "lr_share": settings.linear_lr_share},
        ]
        self.modules = {"network": self.network}
        self.optimisers = {"network": torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)}

    @torch.no_grad()
    def initialise(self, segments: Segments) -> None:
        """Makes the linear maps the principal components of the levels.

        Inside, each channel is scaled to deviation 1, but those with less than `least_scale` of the first one's
        deviation by that share of it. The gain takes the scales back: an error of a published latent is as large an
        error of the levels in every channel, up to one common factor, so a flow's loss counts what is heard.
        """
        settings, network = self.config.mel_vae, self.network
        batches = [segments.batch(-1 - index).to(self.config.device) for index in range(settings.start_batches)]
        level_RD = torch.cat([network.levels(batch_BT).transpose(1, 2).flatten(0, 1) for batch_BT in batches])
        mean_D, component_FD, deviation_F = principal_components(level_RD, settings.latent_dim)
        scale_F = deviation_F.clamp(min=settings.least_scale * float(deviation_F[0]))
        encoder, decoder = network.encoder, network.decoder
        encoder.mean.copy_(mean_D[:, None])
        encoder.linear.weight.copy_((component_FD / scale_F[:, None])[..., None])
        decoder.linear.weight.copy_((component_FD * scale_F[:, None]).T[..., None])
        network.gain.copy_((scale_F / scale_F[0])[:, None])
        assert encoder.linear.bias is not None and decoder.linear.bias is not None
        encoder.linear.bias.zero_()
        decoder.linear.bias.copy_(mean_D)

    def step(self, real_BT: Tensor, step: int) -> dict[str, Tensor]:
        """Makes one update; returns level, loud, power, attack, kl (per frame and channel), gradient."""
        settings, network = self.config.mel_vae, self.network
        real_BDN = network.levels(real_BT)
        mean_BFN = network.encoder(real_BDN)
        noise_BFN = latent_noise(mean_BFN, self.config, step)
        made_BDN = network.decoder(mean_BFN + settings.latent_std * noise_BFN)
        terms = level_losses(network.frames(real_BDN), network.frames(made_BDN))
        kl = 0.5 * mean_BFN.square().mean()  # the constant deviation's part has no gradient
        loss = (
            terms.level
            + settings.loud_weight * terms.loud
            + settings.power_weight * terms.power
            + settings.attack_weight * terms.attack
            + settings.kl_weight * kl
        )
        norm = update(self.optimisers["network"], loss, settings.grad_clip, f"step {step}")
        return {
            "level": terms.level.detach(),
            "loud": terms.loud.detach(),
            "power": terms.power.detach(),
            "attack": terms.attack.detach(),
            "kl": kl.detach(),
            "gradient": norm,
        }

    def published(self, average: dict[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors with the weights in 16 bits: half the file."""
        return {name: value.half() if value.ndim > 2 else value for name, value in average.items()}


def mel_vae_sizes(settings: MelVAESettings) -> StackedMelConfig:
    """Returns the network's sizes for a training's settings."""
    return StackedMelConfig(width=settings.width, latent_dim=settings.latent_dim, latent_std=settings.latent_std)


def principal_components(row_RD: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the rows' mean (D,), first principal components (F, D), and the rows' deviations along them (F,).

    A component's sign is that which makes its largest entry positive, so that equal rows give equal components.
    """
    wide_RD = row_RD.double()
    mean_D = wide_RD.mean(0)
    variance_D, vector_DD = torch.linalg.eigh(torch.cov((wide_RD - mean_D).T))
    component_FD = vector_DD.flip(1)[:, :count].T
    largest_F = component_FD.gather(1, component_FD.abs().argmax(1, keepdim=True))
    deviation_F = variance_D.flip(0)[:count].clamp(min=0).sqrt()
    return mean_D.float(), (component_FD * largest_F.sign()).float(), deviation_F.float()
