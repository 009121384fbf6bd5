"""Where a recording is audible: a DC offset, and the span between the silences at both ends (SPEC A2).

Legend: T samples, B blocks.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.media.samples import Samples

SILENCE_DB: Final = -60.0
"""What is below this level (dBFS) at the ends of a recording is silence, unless a setting says otherwise."""

_MIN_OFFSET: Final = 1e-4  # three steps of 16 bits: a smaller offset changes neither level nor silence
_BLOCK_S: Final = 0.1
_MIN_BLOCKS: Final = 16
_AGREEMENT: Final = 0.9


def audible_span(samples_T: Samples, threshold_db: float) -> tuple[int, int]:
    """Returns the first sample over `threshold_db` dBFS and one past the last; (0, 0) when there is none."""
    loud_T = np.abs(samples_T) > 10 ** (threshold_db / 20)
    first = int(np.argmax(loud_T)) if len(loud_T) else 0
    if not len(loud_T) or not loud_T[first]:
        return 0, 0
    return first, len(loud_T) - int(np.argmax(loud_T[::-1]))


def dc_offset_of(samples_T: Samples, rate_hz: int) -> float:
    """Returns the DC offset, 0 where there is none or it is under three steps of 16 bits.

    It is the median of the means of blocks, and counts when nearly all means have its sign: those of noise do not, and
    a few one-sided pulses have a mean but no offset.
    """
    block = min(round(_BLOCK_S * rate_hz), len(samples_T) // _MIN_BLOCKS)
    if block == 0:
        return 0.0
    count = len(samples_T) // block
    means_B = samples_T[: count * block].reshape(count, block).mean(axis=1, dtype=np.float64)
    offset = float(np.median(means_B))
    agreement = float(np.mean(means_B * offset > 0))
    return offset if abs(offset) > _MIN_OFFSET and agreement > _AGREEMENT else 0.0
