"""Settings of training (SPEC T1-T4)."""

from __future__ import annotations

from pydantic import Field

from tasks.settings import StageConfig


class TrainConfig(StageConfig):
    """Defaults are the demo's; the paper's are in the `paper` config."""

    preset: str = Field("tiny", description="network preset")
    steps: int = Field(800, ge=1, description="optimiser steps (SPEC T1: 300,000)")
    batch_size: int = Field(16, ge=2, multiple_of=2, description="half VTA, half TTA (SPEC T4); the paper: 256")
    lr: float = Field(1e-3, gt=0, description="peak learning rate (MMAudio: 1e-4)")
    warmup_steps: int = Field(50, ge=0)
    weight_decay: float = Field(1e-6, ge=0)
    grad_clip: float = Field(1.0, gt=0)
    ema_sigma_rel: float = Field(0.1, gt=0, lt=0.3, description="width of the EMA's power-function average")
    log_every: int = Field(10, ge=1)
    checkpoint_every: int = Field(100, ge=1)
    seed: int = Field(14159265)
