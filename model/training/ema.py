"""Power-function averaging of weights (Karras et al. 2024), the profile of MMAudio's post-hoc EMA. Source: SPEC T1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn


def gamma_of(sigma_rel: float) -> float:
    """Returns the exponent whose averaging profile has relative width `sigma_rel`: 0.05 -> 16.97, 0.1 -> 6.94."""
    squared = sigma_rel**-2
    return float(np.roots([1.0, 7.0, 16.0 - squared, 12.0 - squared]).real.max())


def decay_of(update: int, gamma: float) -> float:
    """Returns how much of the average stays at the `update`-th update (1, 2, ...); the first copies the weights."""
    if update <= 1:
        return 0.0
    return float(((1 - 1 / update) ** (1 + gamma) * (1 - 1 / (update + 1)) ** (1 + gamma)) ** 0.5)


class PowerEma:
    """An average of a module's trainable weights whose memory grows with training."""

    def __init__(self, module: nn.Module, sigma_rel: float) -> None:
        self.gamma = gamma_of(sigma_rel)
        self.updates = 0
        self.weights = {
            name: value.detach().clone() for name, value in module.named_parameters() if value.requires_grad
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Moves the average towards the module's weights."""
        self.updates += 1
        current = dict(module.named_parameters())
        torch._foreach_lerp_(
            list(self.weights.values()),
            [current[name].detach() for name in self.weights],
            1.0 - decay_of(self.updates, self.gamma),
        )

    @torch.no_grad()
    def load(self, updates: int, weights: Mapping[str, Tensor]) -> None:
        """Restores a stored average."""
        self.updates = updates
        for name, value in self.weights.items():
            value.copy_(weights[name])
