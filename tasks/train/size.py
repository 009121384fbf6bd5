"""Disk space and FLOPs of a training, for `foleygenex plan`. Source: SPEC T1."""

from __future__ import annotations

from typing import Final

import torch

from data_contracts import UsageError, WeightsError
from model.network import Network
from model.training.ema import kept_snapshots, snapshot_bytes
from model.training.flops import training_flops
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.size import planned_specs, readable
from tasks.train.config import TrainConfig

_FP32: Final = 4
_ADAM_AND_WEIGHTS: Final = 3  # copies of the weights in a state, besides the averages


def training_line(config: TrainConfig, precompute: PrecomputeConfig) -> str:
    """Returns parameters, EMA snapshots, states and FLOPs, or that they are unknown because the encoders' sizes are."""
    try:
        specs = planned_specs(precompute)
    except (UsageError, WeightsError):
        return "training     size unknown: it depends on the features'"
    with torch.device("meta"):
        parameters = sum(value.numel() for value in Network(config.network(), specs).parameters())
    snapshots = len(kept_snapshots(config.steps, config.ema_snapshot_every, config.ema_keep))
    widths = len(config.ema_sigmas)
    averages = snapshot_bytes(parameters, widths, config.steps, config.ema_snapshot_every, config.ema_keep)
    states = config.keep_last * (_ADAM_AND_WEIGHTS + widths) * parameters * _FP32
    flops = training_flops(config.network(), specs, precompute.clip_s) * config.batch_size * config.steps
    return (
        f"training     {parameters / 1e6:,.1f} M parameters; {snapshots} snapshots of {widths} averages "
        f"{readable(averages)}, {config.keep_last} states {readable(states)}; {flops / 1e15:,.3g} PFLOP"
    )
