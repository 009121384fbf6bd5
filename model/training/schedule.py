"""Learning rate over steps: linear warm-up, then constant, cosine or MMAudio's steps. Source: SPEC T1."""

from __future__ import annotations

import math

from model.config import TrainingConfig


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Returns the rate of a step (0, 1, ...).

    `step` falls to a tenth at each milestone, counted from the end of the warm-up as MMAudio's scheduler does: of
    300,000 steps at 0.8 and 0.9 with 1,000 of warm-up these are 241,000 and 271,000. `cosine` stays at the peak for
    `hold_share` of the steps and falls to `final_lr_share` of it.
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / (config.warmup_steps + 1)
    if config.schedule == "constant":
        return config.lr
    after = step - config.warmup_steps
    if config.schedule == "step":
        passed = sum(after >= round(share * config.steps) for share in config.milestones)
        return float(config.lr * 0.1**passed)
    plateau = config.hold_share * config.steps
    fall = max(1.0, config.steps - 1 - config.warmup_steps - plateau)
    progress = min(1.0, max(0.0, after - plateau) / fall)
    low = config.final_lr_share
    return config.lr * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))
