"""Refuses a training that would take weeks on a processor, unless that is what was asked for."""

from __future__ import annotations

from typing import Final

import torch

from data_contracts import UsageError
from data_contracts.quantities import duration_text
from model.features import FeatureStore
from model.training.flops import matmul_speed, training_flops
from tasks.train.config import TrainConfig

LIMIT_DAYS: Final = 7.0
_DAY_S: Final = 86_400.0
_SIDE: Final = 1024  # small matrices: a training is not to wait for the measurement
_SLOWEST: Final = 1e10  # FLOP/s that any processor reaches: what takes less than the limit at that needs no measurement


def require_affordable(config: TrainConfig, store: FeatureStore, *, processes: int, step: int = 0) -> None:
    """Raises UsageError when the steps after `step` would take more than a week on this machine's processor.

    The time is the training's FLOPs over those of plain matrix products here, so it is the least it can be.
    """
    if config.accept_cpu:
        return
    samples = max(0, config.steps - step) * config.batch_size
    network = config.network()
    tokens = store.specs.codec.frames(store.clip_s)
    rough = 12.0 * 24 * network.depth * network.width**2 * tokens * samples  # of a transformer
    if rough < LIMIT_DAYS * _DAY_S * _SLOWEST:
        return
    flops = training_flops(network, store.specs, store.clip_s) * samples
    per_s = matmul_speed(torch.device("cpu"), side=_SIDE, repeat=3).per_s * processes
    seconds = flops / per_s
    if seconds > LIMIT_DAYS * _DAY_S:
        raise UsageError(
            f"training {config.preset} for {config.steps - step:,} steps of {config.batch_size} rows is "
            f"{flops / 1e15:,.3g} PFLOP: at least {duration_text(seconds)} on this processor "
            f"({per_s / 1e9:,.0f} GFLOP/s), and no GPU is used; "
            "train where there is one (train.device), or here all the same with --set train.accept_cpu=true"
        )
