"""Whether a sound is silent, for judges that normalise the level: silence has none."""

from __future__ import annotations

from typing import Final

from torch import Tensor

SILENT_PEAK: Final = 1e-4
"""-80 dBFS: a few steps of 16-bit dither are still silence."""


def is_silent(sound_T: Tensor) -> bool:
    """Returns whether nothing but a constant offset is over `SILENT_PEAK`."""
    return bool((sound_T - sound_T.mean()).abs().max() <= SILENT_PEAK)
