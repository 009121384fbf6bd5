"""What trainings of this project's small networks share: the rate's schedule, the running average, notes of the log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

LAST_SHARE: Final = 0.02
"""Of the peak, where the cosine ends: a fiftieth."""


def cosine_rate(step: int, *, peak: float, warmup_steps: int, steps: int) -> float:
    """Returns the learning rate of a step: a linear warm-up to the peak, times a cosine to a fiftieth of it."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return peak * warm * (LAST_SHARE + (1 - LAST_SHARE) * fall)


def average_decay(steps_made: int, decay: float) -> float:
    """Returns the decay of the running average after so many steps: lower at first, so early weights count little."""
    return min(decay, (1 + steps_made) / (10 + steps_made))


def window_note(window: Sequence[Mapping[str, Tensor]], seconds: float) -> str:
    """Returns the means of a loss's terms over some steps, and the seconds per step."""
    means = {name: float(torch.stack([terms[name] for terms in window]).mean()) for name in window[0]}
    return ", ".join([*(f"{name} {mean:.4g}" for name, mean in means.items()), f"{seconds:.2f} s/step"])
