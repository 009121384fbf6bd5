"""How long-running work says how far it is: one callback type for the terminal, the UI and the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from data_contracts.quantities import duration_text

OnProgress = Callable[[int, int, str], None]
"""Called with units done, units in all, and a short note (may be empty), e.g. `(40, 100, "loss 2.101")`."""

LINE_EVERY_S: Final = 30.0


def silent(done: int, total: int, note: str) -> None:
    """A progress callback that does nothing."""


def progress_text(name: str, done: int, total: int, unit: str, note: str) -> str:
    """Returns e.g. `train: 40 of 100 steps, loss 2.101`."""
    return f"{name}: {done} of {total} {unit}" + (f", {note}" if note else "")


class ProgressLines:
    """A progress callback for a log: a line at most every `every_s` with what is done, the speed and the time left.

    E.g. `train: 40 of 100 steps, loss 2.101, 1.3 steps/s, 46 s left`. Speed and time left are this run's: what an
    earlier run has done does not count. Nothing is written when all is done: the result has its own line.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        name: str,
        unit: str,
        *,
        every_s: float = LINE_EVERY_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._write, self._name, self._unit = write, name, unit
        self._every_s, self._clock = every_s, clock or time.monotonic
        self._last_s = self._clock()
        self._start: tuple[int, float] | None = None

    def __call__(self, done: int, total: int, note: str) -> None:
        now_s = self._clock()
        if self._start is None:
            self._start = (done, now_s)
        if done >= total or now_s - self._last_s < self._every_s:
            return
        self._last_s = now_s
        speed = self._speed(done, total, now_s - self._start[1])
        self._write(progress_text(self._name, done, total, self._unit, ", ".join(filter(None, (note, speed)))))

    def _speed(self, done: int, total: int, elapsed_s: float) -> str:
        """Returns speed and time left; nothing before this run has done something."""
        assert self._start is not None
        new = done - self._start[0]
        if new <= 0 or elapsed_s <= 0:
            return ""
        per_s = new / elapsed_s
        speed = f"{per_s:.3g} {self._unit}/s" if per_s >= 1 else f"{1 / per_s:.3g} s per {self._unit.removesuffix('s')}"
        return f"{speed}, {duration_text((total - done) / per_s)} left"
