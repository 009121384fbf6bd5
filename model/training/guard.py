"""Stops a training that has gone wrong, before its state is written over a good one."""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from data_contracts import TrainingError

WINDOW: Final = 100  # losses in the running median
ENOUGH: Final = 20  # losses before the median is used


class LossGuard:
    """Checks every step's loss and gradient norm. `recent` is part of the training state."""

    def __init__(self, *, limit: float, factor: float) -> None:
        self.limit, self.factor = limit, factor
        self.recent: list[float] = []

    def check(self, step: int, loss: float, norm: float, advice: str) -> None:
        """Raises TrainingError when a value is not finite, or the loss is above the limit or far above its median.

        `advice` names the last good checkpoint and what to do.
        """
        for name, value in (("loss", loss), ("gradient norm", norm)):
            if not math.isfinite(value):
                raise TrainingError(f"training step {step}: {name} is {value}; {advice}")
        if loss > self.limit:
            raise TrainingError(
                f"training step {step}: loss {loss:.3g} has exploded (limit {self.limit:g}, train.explosion_loss); "
                f"{advice}"
            )
        if len(self.recent) >= ENOUGH and loss > self.factor * median(self.recent):
            raise TrainingError(
                f"training step {step}: loss {loss:.3g} has exploded: {loss / median(self.recent):.1f} times the "
                f"median {median(self.recent):.3g} of the last {len(self.recent)} steps "
                f"(train.explosion_factor {self.factor:g}); {advice}"
            )
        self.recent = [*self.recent[1 - WINDOW :], loss]
