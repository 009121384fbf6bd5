"""What is collected between two rows of the metrics, and the row."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from data_contracts import TrainMetric

LOSS_BINS: Final = 10
_GIB: Final = 2**30


@dataclass(slots=True)
class Interval:
    """Values of the whole batch, whichever process they came from; times of the process that writes the log."""

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    sample_losses: list[float] = field(default_factory=list)
    skipped: int = 0
    waited_s: float = 0.0
    total_s: float = 0.0

    def add(self, loss: float, norm: float, times: list[float], sample_losses: list[float]) -> None:
        """Adds a step: its loss, its gradient norm, and each sample's flow time and loss."""
        self.losses.append(loss)
        self.norms.append(norm)
        self.times.extend(times)
        self.sample_losses.extend(sample_losses)

    def skip(self) -> None:
        """Adds a step whose values are not finite: it is counted, and is in no mean."""
        self.skipped += 1

    def clock(self, waited_s: float, total_s: float) -> None:
        """Adds a step's time, and how much of it went into waiting for data."""
        self.waited_s += waited_s
        self.total_s += total_s

    def metric(
        self,
        *,
        step: int,
        lr: float,
        val_loss: float | None,
        batch_size: int,
        flops_share: float | None,
        peak_memory_gib: float,
    ) -> TrainMetric:
        """Returns the row. `loss_by_t`: samples sorted by flow time, in ten groups of equal size, noise first.

        `flops_share` is the MFU of one step per second, None where the device's peak is unknown.
        """
        order = torch.tensor(self.times).argsort()
        groups = torch.tensor(self.sample_losses)[order].tensor_split(min(LOSS_BINS, len(self.times)))
        steps_per_s = (len(self.losses) + self.skipped) / max(self.total_s, 1e-9)
        return TrainMetric(
            step=step,
            loss=sum(self.losses) / len(self.losses),
            val_loss=val_loss,
            grad_norm=sum(self.norms) / len(self.norms),
            lr=lr,
            steps_per_s=steps_per_s,
            samples_per_s=batch_size * steps_per_s,
            data_wait_share=self.waited_s / max(self.total_s, 1e-9),
            mfu=None if flops_share is None else flops_share * steps_per_s,
            peak_memory_gib=peak_memory_gib,
            loss_by_t=tuple(float(group.mean()) for group in groups),
            skipped=self.skipped,
        )

    def to_state(self) -> dict[str, Any]:
        """Returns plain values for the training state."""
        return {name: getattr(self, name) for name in self.__slots__}


def peak_memory_gib(device: torch.device) -> float:
    """Returns the most memory used: on a GPU since the last call, allocated by torch; else by the process so far."""
    if device.type != "cuda":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _GIB
    peak = torch.cuda.max_memory_allocated(device) / _GIB
    torch.cuda.reset_peak_memory_stats(device)
    return peak
