"""Disk space and FLOPs of a training, for `foleygenex plan`. Source: SPEC T1."""

from __future__ import annotations

from typing import Final

import torch

from data_contracts import UsageError, WeightsError
from data_contracts.quantities import counted, size_text, work_text
from model.network import Network
from model.specs import FeatureSpecs
from model.training.ema import kept_snapshots, snapshot_bytes
from model.training.flops import training_flops
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.size import planned_specs
from tasks.train.config import TrainConfig

_FP32: Final = 4
_ADAM_AND_WEIGHTS: Final = 3  # copies of the weights in a state, besides the averages


def training_line(config: TrainConfig, precompute: PrecomputeConfig) -> str:
    """Returns parameters, EMA snapshots, states and FLOPs, or that they are unknown because the encoders' sizes are."""
    try:
        specs = planned_specs(precompute)
    except (UsageError, WeightsError):
        return "training     size unknown: it depends on the features'"
    parameters = _parameters(config, specs)
    averages, states = _averages_bytes(config, parameters), _states_bytes(config, parameters)
    snapshots = len(kept_snapshots(config.steps, config.ema_snapshot_every, config.ema_keep))
    widths = len(config.ema_sigmas)
    flops = training_flops(config.network(), specs, precompute.clip_s) * config.batch_size * config.steps
    return (
        f"training     {parameters / 1e6:,.1f} M parameters; {counted(snapshots, 'snapshot')} of "
        f"{counted(widths, 'average')} {size_text(averages)}, {counted(config.keep_last, 'state')} "
        f"{size_text(states)}; about {work_text(flops)}"
    )


def training_bytes(config: TrainConfig, specs: FeatureSpecs) -> int:
    """Returns the disk space of a training's averages, states and checkpoint."""
    parameters = _parameters(config, specs)
    return _averages_bytes(config, parameters) + _states_bytes(config, parameters) + parameters * _FP32


def _parameters(config: TrainConfig, specs: FeatureSpecs) -> int:
    with torch.device("meta"):
        return sum(value.numel() for value in Network(config.network(), specs).parameters())


def _averages_bytes(config: TrainConfig, parameters: int) -> int:
    widths = len(config.ema_sigmas)
    return snapshot_bytes(parameters, widths, config.steps, config.ema_snapshot_every, config.ema_keep)


def _states_bytes(config: TrainConfig, parameters: int) -> int:
    return config.keep_last * (_ADAM_AND_WEIGHTS + len(config.ema_sigmas)) * parameters * _FP32
