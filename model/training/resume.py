"""A trainer's whole state: what is written, and how all ranks go on from it.

Rank 0 alone reads the file; network and optimiser go from it to the other ranks by broadcast, tensor by tensor. So a
state is read from disk and held in memory once, however many ranks there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from data_contracts import TrainMetric
from model.config import TrainingConfig
from model.network import Network
from model.training.ema import Averages
from model.training.guard import LossGuard
from model.training.history import Segment, continued
from model.training.interval import Interval
from model.training.loader import StepLoader
from model.training.ranks import Ranks
from model.training.state import read_newest, set_aside


class Resumable(Protocol):
    """What a trainer's state is made of."""

    config: TrainingConfig
    folder: Path
    ranks: Ranks
    device: torch.device
    network: Network
    optimizer: torch.optim.AdamW
    averages: Averages | None
    guard: LossGuard
    interval: Interval
    loader: StepLoader
    stats: tuple[Tensor, Tensor]
    step: int
    metrics: list[TrainMetric]
    history: list[Segment]


def state_of(trainer: Resumable) -> dict[str, Any]:
    """Returns the state of rank 0's trainer: tensors and plain values."""
    assert trainer.averages is not None, "only rank 0 averages"
    return {
        "step": trainer.step,
        "network": trainer.network.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "ema": trainer.averages.state_dict(),
        "interval": trainer.interval.to_state(),
        "recent_losses": trainer.guard.recent,
        "skipped_in_a_row": trainer.guard.skipped_in_a_row,
        "metrics": [row.to_dict() for row in trainer.metrics],
        "history": [segment.to_dict() for segment in trainer.history],
    }


def restore(trainer: Resumable) -> bool:
    """Restores the newest state that can be read; returns False when there is none. All ranks call it together.

    Where the state's last settings or data are not the trainer's, the training continues in a new segment of history.
    """
    state = read_newest(trainer.folder) if trainer.ranks.is_main else None
    known = trainer.ranks.from_main(None if state is None else _without_tensors(state))
    if known is None:
        if trainer.averages is not None:
            set_aside(trainer.folder)
            trainer.averages.forget_after(0)
        return False
    optimizer = state["optimizer"] if state is not None else _zeros(known["optimizer"], trainer.device)
    trainer.optimizer.load_state_dict(optimizer)
    if state is not None:
        trainer.network.load_state_dict(state["network"])
    for tensor in _shared_tensors(trainer):
        trainer.ranks.broadcast(tensor)
    _use_settings(trainer)
    trainer.step = known["step"]
    trainer.metrics = [TrainMetric.from_dict(row) for row in known["metrics"]]
    trainer.guard.recent, trainer.guard.skipped_in_a_row = known["recent_losses"], known.get("skipped_in_a_row", 0)
    trainer.interval = Interval(**known["interval"])
    if history := [Segment.from_dict(values) for values in known.get("history", [])]:
        trainer.history = continued(history, trainer.history[-1], trainer.step)
    if trainer.averages is not None and state is not None:
        trainer.averages.load_state_dict(state["ema"])
        trainer.averages.forget_after(trainer.step)
    return True


def _use_settings(trainer: Resumable) -> None:
    """Makes the restored optimiser use the trainer's settings, and the loader the network's latent statistics."""
    config, network = trainer.config, trainer.network
    for group in trainer.optimizer.param_groups:
        group.update(betas=config.betas, eps=config.eps, weight_decay=config.weight_decay)
    trainer.loader.stats = (network.latent_mean.flatten().clone(), network.latent_std.flatten().clone())
    trainer.stats = trainer.loader.stats


def _without_tensors(state: dict[str, Any]) -> dict[str, Any]:
    """Returns the plain values of a state; of the optimiser's tensors their shapes and types."""
    known = {name: value for name, value in state.items() if name not in ("network", "ema")}
    optimizer = state["optimizer"]
    known["optimizer"] = {
        "param_groups": optimizer["param_groups"],
        "state": {
            number: {name: (tuple(value.shape), value.dtype) for name, value in values.items()}
            for number, values in optimizer["state"].items()
        },
    }
    return known


def _zeros(optimizer: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Returns an optimiser's state of the described shapes, to be overwritten by the broadcast."""
    state = {
        number: {name: torch.zeros(shape, dtype=dtype, device=device) for name, (shape, dtype) in values.items()}
        for number, values in optimizer["state"].items()
    }
    return {"param_groups": optimizer["param_groups"], "state": state}


def _shared_tensors(trainer: Resumable) -> Iterator[Tensor]:
    """Yields the tensors that every rank has: the network's and the optimiser's, in the same order on each."""
    yield from trainer.network.state_dict().values()
    for group in trainer.optimizer.param_groups:
        for parameter in group["params"]:
            values = trainer.optimizer.state[parameter]
            yield from (values[name] for name in sorted(values))
