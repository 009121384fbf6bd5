"""descript-audio-codec's discriminators: multi-period and multi-band STFT, least-squares losses, feature matching.

Legend: B segments, T samples. Source: Kumar et al. 2023, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec.dac_vae import old_weight_norm


class Adversary(nn.Module):
    """The discriminators and the losses of both sides, each summed over the discriminators as in DAC."""

    def __init__(self, periods: tuple[int, ...], fft_sizes: tuple[int, ...], sample_rate_hz: int) -> None:
        super().__init__()
        from model.codec.blocks import Discriminator

        with old_weight_norm():
            self.discriminator = Discriminator(
                periods=list(periods), fft_sizes=list(fft_sizes), sample_rate=sample_rate_hz
            )

    def discriminator_loss(self, real_BT: Tensor, made_BT: Tensor) -> Tensor:
        """Returns the least-squares loss of telling real (1) from made (0); no gradient flows into `made_BT`."""
        real, made = self.discriminator(real_BT[:, None]), self.discriminator(made_BT.detach()[:, None])
        return torch.stack(
            [_towards(one[-1], 1.0) + _towards(two[-1], 0.0) for one, two in zip(real, made, strict=True)]
        ).sum()

    def generator_losses(self, real_BT: Tensor, made_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the loss of being told apart, and the L1 between the discriminators' features of real and made."""
        with torch.no_grad():
            real = self.discriminator(real_BT[:, None])
        made = self.discriminator(made_BT[:, None])
        adversarial = torch.stack([_towards(one[-1], 1.0) for one in made]).sum()
        pairs = [pair for one, two in zip(made, real, strict=True) for pair in zip(one[:-1], two[:-1], strict=True)]
        return adversarial, torch.stack([functional.l1_loss(one, two) for one, two in pairs]).sum()


def _towards(judgement: Tensor, target: float) -> Tensor:
    return (judgement - target).square().mean()
