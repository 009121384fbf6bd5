"""TensorBoard: each logged row as scalars, samples as audio (`tensorboard --logdir W/train/tensorboard`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from torch import Tensor

from data_contracts import TrainMetric

_SCALARS: Final = {
    "loss": "loss/train",
    "val_loss": "loss/validation",
    "grad_norm": "optimiser/gradient_norm",
    "lr": "optimiser/learning_rate",
    "steps_per_s": "speed/steps_per_s",
    "samples_per_s": "speed/samples_per_s",
    "data_wait_share": "speed/data_wait_share",
    "mfu": "speed/mfu",
    "peak_memory_gib": "speed/peak_memory_gib",
}


@dataclass(frozen=True, slots=True)
class TensorBoardWriter:
    """Writes event files. What a killed run logged after its last state is removed when training continues."""

    writer: Any

    @classmethod
    def open(cls, folder: Path, step: int) -> Self:
        """Opens a folder's event files and removes what is after `step`."""
        from torch.utils.tensorboard import SummaryWriter

        return cls(SummaryWriter(str(folder), purge_step=step + 1 if step else None))

    def add_row(self, row: TrainMetric) -> None:
        """Writes a row's values, and its loss by flow time as one curve per tenth."""
        for name, tag in _SCALARS.items():
            value = getattr(row, name)
            if value is not None:
                self.writer.add_scalar(tag, value, row.step)
        for number, loss in enumerate(row.loss_by_t):
            self.writer.add_scalar(f"loss_by_t/{number}", loss, row.step)
        self.writer.flush()

    def add_audio(self, name: str, samples_T: Tensor, rate_hz: int, step: int) -> None:
        """Writes audio (T,)."""
        self.writer.add_audio(name, samples_T[None], step, sample_rate=rate_hz)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
