"""The training loop: one step, validation, metrics, and a state that resumes exactly.

Legend: B batch, N audio frames, F latent channels. Masks: True = to be generated.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from data_contracts import TrainingError, TrainMetric
from model.config import NetworkConfig, TrainingConfig
from model.flow import frame_errors, interpolate, masked_mean, sample_timesteps
from model.masks import TrainingMasks, draw_masks, masked_latent
from model.network import Features, Network, build_network
from model.training.batches import Batch, BatchPlan, FeatureSource, load_batch, training_stats
from model.training.chance import generator_for
from model.training.ema import PowerEma
from model.training.schedule import learning_rate
from model.training.state import read_state, write_state

LOSS_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Draws:
    """A step's chance: flow times (B,), noise (B, N, F) and masks."""

    t_B: Tensor
    noise_BNF: Tensor
    masks: TrainingMasks


def draw_step(latent_BNF: Tensor, config: TrainingConfig, generator: torch.Generator) -> Draws:
    """Returns the draws for one batch, made on the CPU in a fixed order (time, noise, masks)."""
    batch, frames = latent_BNF.shape[:2]
    t_B = sample_timesteps(batch, generator)
    noise_BNF = torch.randn(latent_BNF.shape, generator=generator)
    return Draws(t_B, noise_BNF, draw_masks(batch, frames, config.masks, generator))


def with_drops(features: Features, masks: TrainingMasks) -> Features:
    """Returns the features with this step's modality drops. Source: SPEC T2."""
    return replace(
        features,
        has_clip_B=features.has_clip_B & masks.keep_clip_B,
        has_sync_B=features.has_sync_B & masks.keep_sync_B,
        has_text_B=features.has_text_B & masks.keep_text_B,
    )


def batch_errors(network: Network, batch: Batch, draws: Draws) -> Tensor:
    """Returns (B, N): each frame's velocity error. Source: SPEC M3-M5, M10, M11."""
    masks, x1 = draws.masks, batch.latent_BNF
    conditions = network.preprocess_conditions(with_drops(batch.features, masks), masks.mask_BN)
    reference = masked_latent(x1, masks.mask_BN, masks.keep_reference_B)
    x_t = interpolate(draws.noise_BNF, x1, draws.t_B)
    velocity = network(x_t, draws.t_B, reference, masks.mask_BN, conditions)
    return frame_errors(velocity, draws.noise_BNF, x1)


class Trainer:
    """Trains one network on one feature source. `state_path` holds everything a resume needs, in one atomic file."""

    def __init__(
        self,
        network: NetworkConfig,
        config: TrainingConfig,
        source: FeatureSource,
        state_path: Path,
        *,
        device: torch.device | None = None,
    ) -> None:
        self.config, self.source, self.state_path = config, source, state_path
        self.device = device or torch.device("cpu")
        self.stats = training_stats(source)
        self.network = build_network(network, source.specs, config.seed)
        self.network.set_latent_stats(*self.stats)
        self.network.to(self.device)
        trainable = [value for value in self.network.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(
            trainable,
            lr=config.lr,
            betas=config.betas,
            eps=config.eps,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.ema = PowerEma(self.network, config.ema_sigma_rel)
        self.plan = BatchPlan.from_rows(source.rows, config.batch_size, config.seed)
        self.step = 0
        self.metrics: list[TrainMetric] = []
        self._interval = _Interval()

    def run(self) -> Iterator[TrainMetric]:
        """Trains from where the state stands to the last step; yields a row per interval.

        Raises TrainingError when the loss is not finite or explodes.
        """
        while self.step < self.config.steps:
            self._train_step()
            if self.step % self.config.log_every == 0 or self.step == self.config.steps:
                yield self._log()
            if self.step % self.config.checkpoint_every == 0 or self.step == self.config.steps:
                self.save()

    def validation_loss(self) -> float | None:
        """Returns the masked loss of the averaged weights on split val, with fixed draws; None without such rows."""
        rows = [row for row in self.source.rows if row.split == "val"][: self.config.validation_rows]
        if not rows:
            return None
        total = count = 0.0
        size = self.config.batch_size
        with torch.no_grad():
            for number, start in enumerate(range(0, len(rows), size)):
                generator = generator_for(self.config.seed, "validation", number)
                batch = load_batch(self.source, rows[start : start + size], generator, self.stats)
                draws = draw_step(batch.latent_BNF, self.config, generator)
                errors = self._errors(batch, draws, averaged=True)
                mask = draws.masks.mask_BN
                total += float((errors.cpu() * mask).sum())
                count += float(mask.sum())
        return total / count

    def averaged_weights(self) -> dict[str, Tensor]:
        """Returns the network's state with the trainable weights replaced by their average."""
        state = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
        return state | {name: value.cpu().clone() for name, value in self.ema.weights.items()}

    def save(self) -> None:
        """Writes the whole state atomically."""
        write_state(
            self.state_path,
            {
                "step": self.step,
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "ema": {"updates": self.ema.updates, "weights": self.ema.weights},
                "interval": self._interval.to_state(),
                "metrics": [row.to_dict() for row in self.metrics],
            },
        )

    def resume(self) -> bool:
        """Restores the state if there is one. Returns whether there was."""
        state = read_state(self.state_path, self.device)
        if state is None:
            return False
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load(state["ema"]["updates"], state["ema"]["weights"])
        self.step = state["step"]
        self.metrics = [TrainMetric.from_dict(row) for row in state["metrics"]]
        self._interval = _Interval.from_state(state["interval"])
        return True

    def _train_step(self) -> None:
        started = time.perf_counter()
        generator = generator_for(self.config.seed, "step", self.step)
        batch = load_batch(self.source, self.plan.rows(self.step), generator, self.stats)
        draws = draw_step(batch.latent_BNF, self.config, generator)
        loaded = time.perf_counter()
        errors_BN = self._errors(batch, draws, averaged=False)
        loss = masked_mean(errors_BN, draws.masks.mask_BN.to(self.device))
        self._check(float(loss.detach()), "loss")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.grad_clip)
        self._check(float(norm), "gradient norm")
        rate = learning_rate(self.step, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.ema.update(self.network)
        self.step += 1
        per_sample = _sample_losses(errors_BN.detach().cpu(), draws.masks.mask_BN)
        self._interval.add(float(loss.detach()), float(norm), draws.t_B, per_sample)
        self._interval.time(loaded - started, time.perf_counter() - started)

    def _errors(self, batch: Batch, draws: Draws, *, averaged: bool) -> Tensor:
        batch, draws = batch.to(self.device), _draws_to(draws, self.device)
        bf16 = self.config.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            if not averaged:
                return batch_errors(self.network, batch, draws)
            trained = {name: value.detach().clone() for name, value in self.network.named_parameters()}
            try:
                self.network.load_state_dict(self.ema.weights, strict=False)
                return batch_errors(self.network, batch, draws)
            finally:
                self.network.load_state_dict(trained, strict=False)

    def _log(self) -> TrainMetric:
        last = self.step == self.config.steps
        validate = last or self.step % self.config.validate_every == 0
        row = self._interval.metric(
            step=self.step,
            lr=learning_rate(self.step - 1, self.config),
            val_loss=self.validation_loss() if validate else None,
            batch_size=self.config.batch_size,
        )
        self._interval = _Interval()
        self.metrics.append(row)
        return row

    def _check(self, value: float, name: str) -> None:
        exploded = name == "loss" and value > self.config.explosion_loss
        if math.isfinite(value) and not exploded:
            return
        last = f"the last good checkpoint is {self.state_path}" if self.state_path.exists() else "no checkpoint yet"
        problem = f"{name} {value:.3g} has exploded" if exploded else f"{name} is {value}"
        raise TrainingError(
            f"training step {self.step}: {problem}; {last}. Lower train.lr (now {self.config.lr:g}) and start again"
        )


class _Interval:
    """What is summed up between two log rows."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.times: list[float] = []
        self.sample_losses: list[float] = []
        self.waited_s = 0.0
        self.total_s = 0.0

    def add(self, loss: float, norm: float, t_B: Tensor, losses_B: Tensor) -> None:
        self.losses.append(loss)
        self.norms.append(norm)
        self.times.extend(t_B.tolist())
        self.sample_losses.extend(losses_B.tolist())

    def time(self, waited_s: float, total_s: float) -> None:
        self.waited_s += waited_s
        self.total_s += total_s

    def metric(self, *, step: int, lr: float, val_loss: float | None, batch_size: int) -> TrainMetric:
        """Returns the row. `loss_by_t`: samples sorted by flow time, in ten groups of equal size, noise first."""
        order = torch.tensor(self.times).argsort()
        groups = torch.tensor(self.sample_losses)[order].tensor_split(min(LOSS_BINS, len(self.times)))
        return TrainMetric(
            step=step,
            loss=sum(self.losses) / len(self.losses),
            val_loss=val_loss,
            grad_norm=sum(self.norms) / len(self.norms),
            lr=lr,
            samples_per_s=batch_size * len(self.losses) / max(self.total_s, 1e-9),
            data_wait_share=self.waited_s / max(self.total_s, 1e-9),
            loss_by_t=tuple(float(group.mean()) for group in groups),
        )

    def to_state(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_state(cls, values: dict[str, Any]) -> _Interval:
        interval = cls()
        vars(interval).update(values)
        return interval


def _sample_losses(errors_BN: Tensor, mask_BN: Tensor) -> Tensor:
    return (errors_BN * mask_BN).sum(1) / mask_BN.sum(1)


def _draws_to(draws: Draws, device: torch.device) -> Draws:
    m = draws.masks
    parts = (m.mask_BN, m.keep_reference_B, m.keep_clip_B, m.keep_sync_B, m.keep_text_B)
    return Draws(draws.t_B.to(device), draws.noise_BNF.to(device), TrainingMasks(*(part.to(device) for part in parts)))
