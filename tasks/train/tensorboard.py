"""TensorBoard: each logged row as scalars, samples as audio (`tensorboard --logdir W/train/tensorboard`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import Tensor

from data_contracts import TrainMetric
from tasks.train.scalars import scalars_of


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
        """Writes a row's values."""
        for tag, value in scalars_of(row):
            self.writer.add_scalar(tag, value, row.step)
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
