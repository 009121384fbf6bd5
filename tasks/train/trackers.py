"""Where the logged rows are shown while a training runs: TensorBoard, Weights & Biases (`train.trackers`)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from data_contracts import TrainMetric
from tasks.train.config import TrainConfig


class Tracker(Protocol):
    """Shows rows and audio as they are made."""

    def add_row(self, row: TrainMetric) -> None:
        """Shows a row's values."""

    def add_audio(self, name: str, samples_T: Tensor, rate_hz: int, step: int) -> None:
        """Shows audio (T,)."""


def require_trackers(config: TrainConfig) -> None:
    """Raises UsageError when a tracker is asked for that is not installed."""
    if "wandb" in config.trackers:
        from tasks.train.wandb import require_wandb

        require_wandb()


def open_trackers(
    config: TrainConfig, folder: Path, *, run: str, key: str, settings: dict[str, Any], step: int, stack: ExitStack
) -> list[Tracker]:
    """Opens the trackers that the settings name; `stack` closes them.

    `folder` is the stage's, `run` a name for people, `key` the training's: what goes on under the same key goes on in
    the same curves, from `step` on.
    """
    trackers: list[Tracker] = []
    if "tensorboard" in config.trackers:
        from tasks.train.tensorboard import TensorBoardWriter

        trackers.append(stack.enter_context(TensorBoardWriter.open(folder / "tensorboard" / key, step)))
    if "wandb" in config.trackers:
        from tasks.train.wandb import WandBWriter

        trackers.append(stack.enter_context(WandBWriter.open(folder, run=run, key=key, settings=settings)))
    return trackers
