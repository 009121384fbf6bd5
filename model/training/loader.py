"""A step's batch, made one step ahead in a thread, whole or as this process's share of it. Source: SPEC T3, T4.

Chance is always drawn for the whole batch and then cut into shares, so that a step is the same for any number of
processes and micro-batches.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from torch import Tensor

from data_contracts import FeatureRow, UsageError
from model.config import TrainingConfig
from model.training.batches import Batch, BatchPlan, FeatureSource, load_batch
from model.training.chance import generator_for
from model.training.draws import Draws, RecordT, draw_step, each_tensor


@dataclass(frozen=True, slots=True)
class Share:
    """What one forward pass trains on."""

    batch: Batch
    draws: Draws

    def to(self, device: torch.device) -> Share:
        """Returns the share on a device."""
        if device.type == "cpu":
            return self
        return each_tensor(self, lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Share:
        """Returns the share in page-locked memory, which a GPU reads while the processor works on."""
        return each_tensor(self, lambda tensor: tensor.pin_memory())


@dataclass(frozen=True, slots=True)
class Step:
    """This process's shares of a step, one per micro-batch. `hidden` is the paper's N, over the whole batch.

    `times_B` has the whole batch's flow times in the order in which the ranks' samples are gathered.
    """

    shares: list[Share]
    hidden: int
    times_B: Tensor


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a batch is cut: `size` processes, of which this is `rank`, with `micro` forward passes each."""

    rank: int
    size: int
    micro: int

    @staticmethod
    def of(rank: int, size: int, batch_size: int, micro_batch: int | None) -> Sharing:
        """Returns the sharing. Raises UsageError when `micro_batch` does not divide a process's share."""
        share = batch_size // size
        if micro_batch is None or micro_batch >= share:
            return Sharing(rank, size, 1)
        if share % micro_batch:
            raise UsageError(f"micro_batch {micro_batch} does not divide a process's share of {share} rows")
        return Sharing(rank, size, share // micro_batch)

    def mine(self, parts: list[list[int]]) -> list[list[int]]:
        """Returns this process's parts of `size * micro`."""
        return parts[self.rank * self.micro : (self.rank + 1) * self.micro]


@dataclass(slots=True)
class StepLoader:
    """Makes steps. `take(n)` is ready at once when `take(n - 1)` came before it."""

    source: FeatureSource
    plan: BatchPlan
    config: TrainingConfig
    stats: tuple[Tensor, Tensor]
    sharing: Sharing
    pin: bool = False
    _ahead: tuple[int, Future[Step]] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="train-loader")
    )

    def __post_init__(self) -> None:
        self.plan.shares(self.sharing.size * self.sharing.micro)  # a batch that cannot be shared is refused at once

    def take(self, step: int) -> Step:
        """Returns a step's shares and begins to make the next step's."""
        future = self._ahead[1] if self._ahead and self._ahead[0] == step else self._thread.submit(self.make, step)
        made = future.result()
        self._ahead = (step + 1, self._thread.submit(self.make, step + 1)) if step + 1 < self.config.steps else None
        return made

    def make(self, step: int) -> Step:
        """Returns a step's shares: a pure function of the seed, the step and the sharing."""
        parts = self.plan.shares(self.sharing.size * self.sharing.micro)
        rows, generator = self.plan.rows(step), generator_for(self.config.seed, "step", step)
        shares, draws = cut(self.source, rows, self.config, generator, self.stats, self.sharing.mine(parts))
        order = torch.tensor([place for part in parts for place in part])
        shares = [share.pinned() for share in shares] if self.pin else shares
        return Step(shares, int(draws.masks.mask_BN.sum()), draws.t_B[order])


def cut(
    source: FeatureSource,
    rows: list[FeatureRow],
    config: TrainingConfig,
    generator: torch.Generator,
    stats: tuple[Tensor, Tensor],
    parts: list[list[int]],
) -> tuple[list[Share], Draws]:
    """Returns the shares of `rows` at the places of each part, and the draws of them all."""
    here = [place for part in parts for place in part]
    batch = load_batch(source, rows, generator, stats, here)
    draws = draw_step(torch.Size((len(rows), *batch.latent_BNF.shape[1:])), config, generator)
    shares = []
    start = 0
    for part in parts:
        read = slice(start, start + len(part))
        shares.append(Share(_at(batch, read), _at(draws, torch.tensor(part))))
        start += len(part)
    return shares, draws


def _at(record: RecordT, places: slice | Tensor) -> RecordT:
    return each_tensor(record, lambda tensor: tensor[places])
