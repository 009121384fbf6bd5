"""One training of the judge `corpus-cnn`: network, optimiser, running average, number of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from data_contracts import TrainingError, UsageError
from data_contracts.files import atomic_path
from model.devices import choose_device
from model.judges.corpus_cnn_levels import RelativeLevels
from model.judges.corpus_cnn_network import CorpusCNN, CorpusCNNConfig
from tasks.commands.own_training import average_decay, cosine_rate
from tasks.commands.train_judge.batches import Batch
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.commands.train_judge.losses import judge_losses
from tasks.commands.train_judge.sounds import CLASSES

_COUNTER: Final = "num_batches_tracked"  # of a batch norm; nothing reads it


class JudgeTrainer:
    """Products are computed in the config's precision; weights, losses and averages are float32."""

    def __init__(self, config: JudgeTrainConfig) -> None:
        self.config = config
        self.device = choose_device(config.device)
        self.sizes = CorpusCNNConfig(
            classes=len(CLASSES),
            width=config.width,
            frame_dim=config.frame_dim,
            embedding_dim=config.embedding_dim,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = CorpusCNN(self.sizes)
        self.network.to(self.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.levels = RelativeLevels().to(self.device)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self.step = 0
        self.average = {name: value.detach().clone() for name, value in self._weights().items()}

    def advance(self, batch: Batch) -> dict[str, Tensor]:
        """Makes one step; returns the terms of the loss. Raises TrainingError when the loss is not finite."""
        config, moved = self.config, Batch(*(tensor.to(self.device) for tensor in batch))
        rate = cosine_rate(self.step, peak=config.lr, warmup_steps=config.warmup_steps, steps=config.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        levels = self.levels(moved.audio_BT)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            said = self.network(levels)
        terms = judge_losses(said, moved, config.temperature)
        loss = (
            terms["classes"]
            + config.contrast_weight * terms["contrast"]
            + config.event_weight * terms["events"]
            + config.count_weight * terms["count"]
            + config.pitch_weight * terms["pitch"]
            + config.distance_weight * terms["distance"]
        )
        if not torch.isfinite(loss):
            raise TrainingError(f"judge training: the loss is {loss.item()} at step {self.step}; lower lr")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.grad_clip)
        self.optimiser.step()
        self.step += 1
        decay = average_decay(self.step, config.ema_decay)
        for name, value in self._weights().items():
            self.average[name].lerp_(value, 1 - decay)
        return {name: value.detach() for name, value in terms.items()}

    def save(self, path: Path) -> None:
        """Writes the state that a later run continues from."""
        state = {
            "step": self.step,
            "average": self.average,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with atomic_path(path) as temporary:
            torch.save(state, temporary)

    def resume(self, path: Path) -> None:
        """Continues from a state file. Raises UsageError when it is of a training with other sizes."""
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        try:
            self.network.load_state_dict(state["network"], strict=True)
        except (KeyError, RuntimeError) as error:
            raise UsageError(
                f"{path} is not the state of a judge's training with these sizes; choose another --out, or delete the "
                f"file to start again ({str(error).splitlines()[-1].strip()})"
            ) from error
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.step = int(state["step"])

    def published(self) -> dict[str, Tensor]:
        """Returns the averaged weights, those of matrices and convolutions in 16 bits: half the file."""
        return {name: value.half() if value.ndim > 1 else value for name, value in self.average.items()}

    def _weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = self.network.state_dict()
        return {name: value for name, value in weights.items() if not name.endswith(_COUNTER)}
