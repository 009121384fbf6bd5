"""CPU time of this process and of the programs that it has started."""

from __future__ import annotations

import os


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of its ended children: ffmpeg, worker processes, a language model."""
    return sum(os.times()[:4])
