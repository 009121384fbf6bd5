"""A step's batch, prepared one step ahead in a thread, whole or as this process's share of it. Source: SPEC T3, T4.

Random numbers are always drawn for the whole batch and then divided, so that a step is the same for any number of
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
from model.training.draws import Draws, RecordT, draw_step, each_tensor
from model.training.randomness import generator_for


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one forward pass trains on."""

    batch: Batch
    draws: Draws

    def to(self, device: torch.device) -> MicroBatch:
        """Returns the micro-batch on a device, where features of 16 bits become float32: exactly."""
        return each_tensor(self, lambda tensor: _widened(tensor.to(device, non_blocking=True)))

    def pinned(self) -> MicroBatch:
        """Returns the micro-batch in page-locked memory, which a GPU reads while the processor computes."""
        return each_tensor(self, lambda tensor: tensor.pin_memory())


@dataclass(frozen=True, slots=True)
class StepBatch:
    """This process's micro-batches of a step. `masked_frames` is the paper's N, over the whole batch.

    `times_B` has the whole batch's flow times in the order in which the ranks' samples are gathered.
    """

    micro_batches: list[MicroBatch]
    masked_frames: int
    times_B: Tensor


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """How a batch is divided: over `size` processes, of which this is `rank`, with `micro` forward passes each."""

    rank: int
    size: int
    micro: int

    @staticmethod
    def of(rank: int, size: int, batch_size: int, micro_batch: int | None) -> BatchSplit:
        """Returns the split. Raises UsageError when `micro_batch` does not divide a process's rows."""
        own = batch_size // size
        if micro_batch is None or micro_batch >= own:
            return BatchSplit(rank, size, 1)
        if own % micro_batch:
            fits = [rows for rows in range(2, micro_batch, 2) if own % rows == 0]
            does = f"--set train.micro_batch={fits[-1]} does" if fits else f"make batch_size a multiple of {2 * size}"
            raise UsageError(f"micro_batch {micro_batch} does not divide a process's share of {own} rows; {does}")
        return BatchSplit(rank, size, own // micro_batch)

    @property
    def total(self) -> int:
        """Micro-batches of all processes together."""
        return self.size * self.micro

    def own(self, places: list[list[int]]) -> list[list[int]]:
        """Returns this process's entries of a list with one entry per micro-batch of all processes."""
        return places[self.rank * self.micro : (self.rank + 1) * self.micro]


@dataclass(slots=True)
class StepLoader:
    """Prepares steps. `take(n)` returns at once when `take(n - 1)` came before it."""

    source: FeatureSource
    plan: BatchPlan
    config: TrainingConfig
    stats: tuple[Tensor, Tensor]
    split: BatchSplit
    pin: bool = False
    _ahead: tuple[int, Future[StepBatch]] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="train-loader")
    )

    def __post_init__(self) -> None:
        self.plan.split(self.split.total)  # refuses a batch that cannot be divided before anything runs

    def take(self, step: int, *, last: int | None = None) -> StepBatch:
        """Returns a step's micro-batches and starts to prepare the next step's, up to `last` (default: `steps`)."""
        future = self._ahead[1] if self._ahead and self._ahead[0] == step else self._thread.submit(self.make, step)
        made = future.result()
        more = step + 1 < (self.config.steps if last is None else last)
        self._ahead = (step + 1, self._thread.submit(self.make, step + 1)) if more else None
        return made

    def make(self, step: int) -> StepBatch:
        """Returns a step's micro-batches: a pure function of the seed, the step and the split."""
        places = self.plan.split(self.split.total)
        rows, generator = self.plan.rows(step), generator_for(self.config.seed, "step", step)
        parts, draws = load_micro_batches(self.source, rows, self.config, generator, self.stats, self.split.own(places))
        order = torch.tensor([place for part in places for place in part])
        parts = [part.pinned() for part in parts] if self.pin else parts
        return StepBatch(parts, int(draws.masks.mask_BN.sum()), draws.t_B[order])


def load_micro_batches(
    source: FeatureSource,
    rows: list[FeatureRow],
    config: TrainingConfig,
    generator: torch.Generator,
    stats: tuple[Tensor, Tensor],
    places: list[list[int]],
) -> tuple[list[MicroBatch], Draws]:
    """Returns one micro-batch per list of places in `rows`, and the draws of all rows."""
    wanted = [place for part in places for place in part]
    batch = load_batch(source, rows, generator, stats, wanted)
    has_video_B = torch.tensor([row.video_row is not None for row in rows])
    draws = draw_step(torch.Size((len(rows), *batch.latent_BNF.shape[1:])), config, generator, has_video_B)
    made = []
    start = 0
    for part in places:
        loaded = slice(start, start + len(part))
        made.append(MicroBatch(_at(batch, loaded), _at(draws, torch.tensor(part))))
        start += len(part)
    return made, draws


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _at(record: RecordT, places: slice | Tensor) -> RecordT:
    return each_tensor(record, lambda tensor: tensor[places])
