"""The table of metrics while a training runs: whole at any time, a row per logged interval."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import TrainMetric, write_table

_EVERY_S: Final = 2.0


@dataclass(slots=True)
class LiveTable:
    """Writes all rows so far under a temporary name and renames, so that a reader always finds a whole table.

    Rows that come faster than `every_s` are written together. The finished stage writes the table once more.
    """

    path: Path
    rows: list[TrainMetric]
    every_s: float = _EVERY_S
    _written_s: float = float("-inf")

    def add_row(self, row: TrainMetric) -> None:  # noqa: ARG002 (the trainer has added it to `rows`)
        """Writes the table, unless that was done less than `every_s` ago."""
        if time.monotonic() - self._written_s >= self.every_s:
            write_table(self.path, TrainMetric, self.rows)
            self._written_s = time.monotonic()
