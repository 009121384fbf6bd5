"""Weights & Biases: each logged row, and samples as audio. Where they go is set by its own variables (`WANDB_MODE`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from torch import Tensor

from data_contracts import TrainMetric, UsageError
from tasks.train.scalars import scalars_of

_PROJECT: Final = "foleygenex"
_STEP: Final = "step"


def require_wandb() -> None:
    """Raises UsageError when the package is not installed."""
    if find_spec("wandb") is None:
        raise UsageError(
            "train.trackers: wandb is not installed; pip install 'foleygenex[wandb]', or train without it: "
            "--set train.trackers=[tensorboard]"
        )


@dataclass(frozen=True, slots=True)
class WandBWriter:
    """One run of Weights & Biases per training; a training that goes on goes on in its run."""

    run: Any

    @classmethod
    def open(cls, folder: Path, *, run: str, key: str, settings: dict[str, Any]) -> Self:
        """Opens the training's run, in the project that `WANDB_PROJECT` names; `WANDB_MODE=offline` sends nothing."""
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        project = os.environ.get("WANDB_PROJECT", _PROJECT)
        opened = wandb.init(project=project, name=run, id=key, resume="allow", dir=str(folder), config=settings)
        opened.define_metric("*", step_metric=_STEP)  # its own counter cannot go back to the state of a killed run
        return cls(opened)

    def add_row(self, row: TrainMetric) -> None:
        """Sends a row's values."""
        self.run.log({_STEP: row.step, **dict(scalars_of(row))})

    def add_audio(self, name: str, samples_T: Tensor, rate_hz: int, step: int) -> None:
        """Sends audio (T,)."""
        import wandb

        self.run.log({_STEP: step, name: wandb.Audio(samples_T.numpy(), sample_rate=rate_hz)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run.finish(exit_code=0 if error is None else 1)
