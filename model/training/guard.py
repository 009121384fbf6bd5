"""Stops a training that has gone wrong, before its state is written over a good one."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from statistics import median
from typing import Final

from data_contracts import TrainingError
from model.training.state import state_files

log = logging.getLogger(__name__)

WINDOW: Final = 100  # losses in the running median
ENOUGH: Final = 20  # losses before the median is used


class LossGuard:
    """Checks every step's loss and gradient norm. `recent` and `skipped_in_a_row` are part of the training state.

    `skip` steps in a row may have a value that is not finite: they have changed no weights.
    """

    def __init__(self, *, limit: float, factor: float, skip: int = 0) -> None:
        self.limit, self.factor, self.skip = limit, factor, skip
        self.recent: list[float] = []
        self.skipped_in_a_row = 0

    def check(self, step: int, loss: float, norm: float, advice: str) -> bool:
        """Returns whether the step counts; False when it was skipped.

        `advice` names the last good state and what to do. Raises TrainingError when a value is not finite, or the loss
        is above the limit or far above its median.
        """
        for name, value in (("loss", loss), ("gradient norm", norm)):
            if not math.isfinite(value):
                self._skip_or_stop(step, f"{name} is {value}", advice)
                return False
        self.skipped_in_a_row = 0
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
        return True

    def _skip_or_stop(self, step: int, what: str, advice: str) -> None:
        if self.skipped_in_a_row < self.skip:
            self.skipped_in_a_row += 1
            log.warning("training step %d: %s; the step is skipped (train.skip_nonfinite=%d)", step, what, self.skip)
            return
        after = f" after {self.skipped_in_a_row} skipped steps in a row" if self.skip else ""
        more = max(3, 2 * self.skip)
        raise TrainingError(
            f"training step {step}: {what}{after}; {advice}, or skip up to {more} such steps in a row: "
            f"--set train.skip_nonfinite={more}"
        )


def way_out(folder: Path, lr: float) -> str:
    """Returns the last good state in a training's folder and the settings that go on from it, for an error."""
    files = state_files(folder)
    last = f"the last good state is {files[-1][1]}, go on" if files else "there is no state yet, start again"
    source = "last" if files else "none"  # `last` would be another training
    return f"{last} with a lower rate than {lr:g}: --set train.lr={lr / 2:g} --set train.continue_from={source}"
