"""What the training of both kinds of codec has in common: modules, optimisers, and one step.

Legend: B segments, T samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from data_contracts import TrainingError
from model.codec.weights_file import CodecConfig
from tasks.commands.own_training import cosine_rate
from tasks.commands.train_codec.config import CodecTrainConfig, OptimiserSettings
from tasks.commands.train_codec.data import Segments


class Trainer(ABC):
    """A network, whatever is trained beside it, and their optimisers.

    `modules` and `optimisers` are saved for a resume; `modules["network"]` is the codec.
    """

    sizes: CodecConfig
    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def initialise(self, segments: Segments) -> None:
        """Sets the first weights from data; not called when a run continues."""

    @abstractmethod
    def step(self, real_BT: Tensor, step: int) -> dict[str, Tensor]:
        """Makes one update of the weights; returns the terms of the loss, detached scalars."""

    def published(self, average: dict[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as the weights file has them."""
        return average

    def set_learning_rates(self, step: int, settings: OptimiserSettings) -> None:
        """Sets each group's rate to its share `lr_share` of the step's."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["lr_share"] * codec_learning_rate(step, settings)

    def state(self) -> dict[str, Any]:
        """Returns everything that a resumed run needs."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned. Raises RuntimeError when it is of other sizes."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name], strict=True)
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])


def codec_learning_rate(step: int, settings: OptimiserSettings) -> float:
    """Returns the rate of a step: a linear warm-up, then a cosine to a fiftieth of the peak."""
    return cosine_rate(step, peak=settings.lr, warmup_steps=settings.warmup_steps, steps=settings.steps)


def latent_noise(like: Tensor, config: CodecTrainConfig, step: int) -> Tensor:
    """Returns the step's standard normal noise, the same on every device."""
    generator = torch.Generator().manual_seed(config.seed + step)
    return torch.randn(like.shape, generator=generator).to(like.device)


def update(optimiser: torch.optim.Optimizer, loss: Tensor, grad_clip: float, where: str) -> Tensor:
    """Makes one optimiser step; returns the gradient's norm. Raises TrainingError when the loss is not finite."""
    if not torch.isfinite(loss):
        raise TrainingError(f"codec training: the loss is {loss.item()} at {where}; lower the kind's lr")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, grad_clip)
    optimiser.step()
    return norm.detach()
