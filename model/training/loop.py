"""The training loop: one step, validation, metrics, and a state that resumes exactly.

Legend: B batch, N audio frames, F latent channels. Masks: True = to be generated.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from data_contracts import TrainingError, TrainMetric
from model.config import NetworkConfig, TrainingConfig
from model.devices import choose_precision
from model.network import Network, build_network
from model.training.batches import BatchPlan, FeatureSource, training_stats
from model.training.ema import Averages
from model.training.flops import peak_flops, training_flops
from model.training.guard import LossGuard, way_out
from model.training.history import Segment, last_step
from model.training.interval import Interval, peak_memory_gib
from model.training.loader import BatchSplit, StepBatch, StepLoader, load_micro_batches
from model.training.randomness import generator_for
from model.training.ranks import Ranks
from model.training.resume import restore, state_of
from model.training.schedule import learning_rate
from model.training.state import write_state
from model.training.step import FlowLoss, sample_losses

_GPU_COLLECT_EVERY: Final = 10  # reading a loss from a GPU stalls it


@dataclass(frozen=True, slots=True)
class _Pending:
    """A step's results that have not been read yet: sums and losses of this rank, on its device."""

    step: int
    error_sum: Tensor
    norm: Tensor
    losses_B: Tensor
    masked_frames: int
    times_B: Tensor


class Trainer:
    """Trains one network on one feature source, in one process or as one of several ranks.

    Rank 0 writes the training states (`state-STEP.pt`, the last `keep_last`) and the EMA's snapshots (`ema/`) into
    `folder`. `initial` are weights to start from, latent statistics included; by default both are made anew.
    `empty_text_LD`: what a network with learned absent features reads instead of absent text (SPEC T2). `segment`
    names the settings and data for the history. `on_step` is called after each step, on every rank. When
    `should_stop` returns True on any rank, all ranks stop after the same step and its state is written.
    """

    def __init__(
        self,
        network: NetworkConfig,
        config: TrainingConfig,
        source: FeatureSource,
        folder: Path,
        *,
        device: torch.device | None = None,
        ranks: Ranks | None = None,
        initial: Mapping[str, Tensor] | None = None,
        empty_text_LD: Tensor | None = None,
        segment: Segment | None = None,
    ) -> None:
        self.config, self.source, self.folder = config, source, folder
        self.ranks = ranks or Ranks.start(device or torch.device("cpu"))
        self.device = self.ranks.device
        self.network, self.stats = _start(network, config, source, initial, empty_text_LD)
        self.network.to(self.device)
        if config.gradient_checkpointing:
            self.network.gradient_checkpointing = True
        self.optimizer = _optimizer(self.network, config)
        self.plan = BatchPlan.from_rows(source.rows, config.batch_size, config.seed, augmented=config.augmented)
        self.split = BatchSplit.of(self.ranks.rank, self.ranks.size, config.batch_size, config.micro_batch)
        self.loader = StepLoader(source, self.plan, config, self.stats, self.split, pin=self.device.type == "cuda")
        self.loss = self.ranks.wrap(FlowLoss(self.network, bf16=self._bf16, backend=self._backend))
        self.averages = self._averages() if self.ranks.is_main else None
        self.guard = LossGuard(limit=config.explosion_loss, factor=config.explosion_factor, skip=config.skip_nonfinite)
        self.collect_every = 1 if self.device.type == "cpu" else _GPU_COLLECT_EVERY
        self.step = 0
        self.metrics: list[TrainMetric] = []
        self.history = [segment or Segment()]
        self.interval = Interval()
        self.on_step: Callable[[int], None] = lambda _: None
        self.should_stop: Callable[[], bool] = lambda: False
        self.stopped = False
        self._pending: list[_Pending] = []

    @property
    def last_step(self) -> int:
        """The step at which the training ends."""
        return last_step(self.history, self.config)

    def run(self) -> Iterator[TrainMetric]:
        """Trains from the current step to the last one, or until `should_stop`; yields a row per interval.

        Raises TrainingError when the loss is not finite or explodes; nothing is saved after that.
        """
        while self.step < self.last_step and not self.stopped:
            self._train_step()
            self.on_step(self.step)
            if self._due(self.config.log_every):
                yield from self._log()
            if self._due(self.config.checkpoint_every) or self.stopped:
                self.save()
        if self.stopped:
            self.ranks.wait()  # the launcher ends rank 0 when another rank has ended before it
            return
        if not self.metrics:
            raise TrainingError(f"none of the {self.step} training steps had a finite loss; check the features")
        if self.averages is not None:
            self.averages.finish()

    def validation_loss(self) -> float | None:
        """Returns the masked loss of the averaged weights on split val, with fixed draws; None without such rows.

        Rank 0 alone computes it. The draws depend on the batch size, not on how the rows are divided.
        """
        rows = [row for row in self.source.rows if row.split == "val"][: self.config.validation_rows]
        if not rows or self.averages is None:
            return None
        loss = FlowLoss(self.averages.network(self.config.ema_sigma_rel), bf16=self._bf16)
        total = count = 0.0
        size, most = self.config.batch_size, self.config.batch_size // self.split.total
        with torch.no_grad():
            for number, start in enumerate(range(0, len(rows), size)):
                generator = generator_for(self.config.seed, "validation", number)
                chosen = rows[start : start + size]
                places = list(range(len(chosen)))
                parts = [places[first : first + most] for first in range(0, len(places), most)]
                made, draws = load_micro_batches(self.source, chosen, self.config, generator, self.stats, parts)
                for one in made:
                    moved = one.to(self.device)
                    total += float(loss(moved.batch, moved.draws).sum())
                count += float(draws.masks.mask_BN.sum())
        return total / count

    def averaged_weights(self) -> dict[str, Tensor]:
        """Returns the network's state averaged with width `ema_sigma_rel`. Rank 0 only."""
        assert self.averages is not None, "only rank 0 averages"
        return self.averages.weights(self.config.ema_sigma_rel)

    def save(self) -> None:
        """Writes the whole state atomically, from rank 0."""
        self._collect()
        if self.averages is None:
            return
        write_state(self.folder, self.step, state_of(self), keep=self.config.keep_last)

    def resume(self) -> bool:
        """Restores the newest state; returns False when none can be read. Any number of ranks may continue."""
        return restore(self)

    def _train_step(self) -> None:
        started = time.perf_counter()
        step = self.loader.take(self.step, last=self.last_step)
        loaded = time.perf_counter()
        self._pending.append(self._backward(step))
        snapshot = (self.step + 1) % self.config.ema_snapshot_every == 0
        if len(self._pending) >= self.collect_every or snapshot:
            self._collect()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        self.optimizer.step()
        if self.averages is not None:
            self.averages.update()
        self.step += 1
        self.interval.clock(loaded - started, time.perf_counter() - started)

    def _backward(self, step: StepBatch) -> _Pending:
        """Adds the gradients of eq. 4: errors summed over every rank and micro-batch, divided by the batch's N.

        Every rank knows N, because masks are drawn for the whole batch. DDP averages gradients over the ranks, hence
        the factor. Source: SPEC M10.
        """
        self.optimizer.zero_grad(set_to_none=True)
        sums: list[Tensor] = []
        losses: list[Tensor] = []
        for number, part in enumerate(step.micro_batches, start=1):
            moved = part.to(self.device)
            with self.ranks.accumulating(self.loss, more=number < len(step.micro_batches)):
                errors_BN = self.loss(moved.batch, moved.draws)
                error_sum = errors_BN.sum()
                self.ranks.backward(error_sum * self.ranks.size / step.masked_frames)
            sums.append(error_sum.detach())
            losses.append(sample_losses(errors_BN.detach(), moved.draws.masks.mask_BN))
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.grad_clip)
        total = sums[0] if len(sums) == 1 else torch.stack(sums).sum()
        if self.config.skip_nonfinite:
            self._skip_if_not_finite(total, norm)
        return _Pending(self.step, total, norm.detach(), torch.cat(losses), step.masked_frames, step.times_B)

    def _skip_if_not_finite(self, error_sum: Tensor, norm: Tensor) -> None:
        """Tells the fused optimiser, on the device, to change no weights where a rank's loss or the norm is not finite.

        The same way as a gradient scaler does; nothing is read from the device.
        """
        finite = torch.isfinite(self.ranks.total(error_sum.detach()) + norm.detach())
        self.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]

    def _collect(self) -> None:
        """Reads the pending results of all ranks, checks them and adds them to the interval.

        Here the ranks also agree whether to stop: a signal reaches them at different steps.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return
        stop = torch.tensor(float(self.should_stop()), device=self.device)
        *sums, stops = self.ranks.total(torch.stack([*(entry.error_sum for entry in pending), stop])).cpu()
        self.stopped = bool(stops > 0)
        norms = torch.stack([entry.norm for entry in pending]).tolist()
        gathered_RKB = self.ranks.gather(torch.stack([entry.losses_B for entry in pending])).cpu()
        losses_KB = gathered_RKB.transpose(0, 1).flatten(1)
        for entry, error_sum, norm, losses_B in zip(pending, sums, norms, losses_KB, strict=True):
            loss = float(error_sum / entry.masked_frames)
            if self.guard.check(entry.step, loss, norm, way_out(self.folder, self.config.lr)):
                self.interval.add(loss, norm, entry.times_B.tolist(), losses_B.tolist())
            else:
                self.interval.skip()
                self.history[-1] = replace(self.history[-1], skipped=self.history[-1].skipped + 1)

    def _log(self) -> Iterator[TrainMetric]:
        """Yields the interval's row; none when all of its steps were skipped: then the interval goes on."""
        self._collect()
        if not self.interval.losses:
            return
        row = self.interval.metric(
            step=self.step,
            lr=learning_rate(self.step - 1, self.config),
            val_loss=self.validation_loss() if self._due(self.config.validate_every) else None,
            batch_size=self.config.batch_size,
            flops_share=self._flops_share,
            peak_memory_gib=peak_memory_gib(self.device),
        )
        self.interval = Interval()
        self.metrics.append(row)
        yield row

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.last_step

    def _averages(self) -> Averages:
        config = self.config
        every, keep = config.ema_snapshot_every, config.ema_keep
        return Averages(self.network, config.ema_sigmas, self.folder / "ema", every=every, keep=keep)

    @property
    def _bf16(self) -> bool:
        return choose_precision(self.config.precision, self.device) == "bf16"

    @property
    def _backend(self) -> str | None:
        wanted = self.device.type == "cuda" if self.config.compile is None else self.config.compile
        return self.config.compile_backend if wanted else None

    @cached_property
    def _flops_share(self) -> float | None:
        """A step's FLOPs over the peak of all devices in a second."""
        peak = peak_flops(self.device, bf16=self._bf16)
        if peak is None:
            return None
        flops = training_flops(self.network.config, self.source.specs, self.source.clip_s) * self.config.batch_size
        return flops / (peak * self.ranks.size)


def _start(
    config: NetworkConfig,
    training: TrainingConfig,
    source: FeatureSource,
    initial: Mapping[str, Tensor] | None,
    empty_text_LD: Tensor | None,
) -> tuple[Network, tuple[Tensor, Tensor]]:
    """Returns the network to train and the latent statistics it is trained with (mean_F, std_F)."""
    network = build_network(config, source.specs, training.seed)
    if initial is None:
        network.set_latent_stats(*training_stats(source, form=training.latent_std, scale=training.latent_scale))
    else:
        network.load_state_dict(dict(initial))
    if empty_text_LD is not None:
        network.set_empty_text(empty_text_LD)
    return network, (network.latent_mean.flatten().clone(), network.latent_std.flatten().clone())


def _optimizer(network: Network, config: TrainingConfig) -> torch.optim.AdamW:
    trainable: list[Any] = [value for value in network.parameters() if value.requires_grad]
    return torch.optim.AdamW(
        trainable, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay, fused=True
    )
