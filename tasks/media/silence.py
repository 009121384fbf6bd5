"""Where a recording is audible: a DC offset, and the span between the silences at both ends (SPEC A2).

Legend: T samples, B blocks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

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
    return _offset_of(samples_T[: count * block].reshape(count, block).mean(axis=1, dtype=np.float64))


def _offset_of(means_B: npt.NDArray[np.float64]) -> float:
    offset = float(np.median(means_B))
    agreement = float(np.mean(means_B * offset > 0))
    return offset if abs(offset) > _MIN_OFFSET and agreement > _AGREEMENT else 0.0


class SpanMeter:
    """Finds the DC offset and the audible span of a long recording that is given block by block.

    It keeps the mean, the lowest and the highest sample of each tenth of a second: the span's ends are known to that
    precision, and `audible_span` of those parts alone finds the samples.
    """

    def __init__(self, rate_hz: int) -> None:
        self._part = max(1, round(_BLOCK_S * rate_hz))
        self._rest_T: Samples = np.zeros(0, np.float32)
        self._found: list[Samples] = []  # (P, 2): lowest, highest
        self._means: list[float] = []

    def add(self, samples_T: Samples) -> None:
        """Adds a block (T,)."""
        joined_T = np.concatenate([self._rest_T, samples_T])
        whole = len(joined_T) - len(joined_T) % self._part
        parts = joined_T[:whole].reshape(-1, self._part)
        self._means += parts.mean(axis=1, dtype=np.float64).tolist()
        self._found.append(np.stack([parts.min(axis=1), parts.max(axis=1)], axis=1))
        self._rest_T = joined_T[whole:].copy()

    def dc_offset(self) -> float:
        """Returns what `dc_offset_of` gives for the whole recording, of 1.6 s or more."""
        return _offset_of(np.array(self._means))

    def ends(self, threshold_db: float) -> tuple[int, int] | None:
        """Returns the first samples of the first and the last part that are over a threshold without the offset.

        Parts have `part` samples, the last one of the recording fewer. None where all of it is silence.
        """
        rest = self._rest_T if len(self._rest_T) else np.zeros(1, np.float32)
        lowest_highest = np.concatenate([*self._found, [[rest.min(), rest.max()]]]).astype(np.float32)
        loud = np.abs(lowest_highest - np.float32(self.dc_offset())).max(axis=1) > 10 ** (threshold_db / 20)
        if not len(self._rest_T):
            loud[-1] = False
        over = np.flatnonzero(loud)
        return (int(over[0]) * self._part, int(over[-1]) * self._part) if len(over) else None

    @property
    def part(self) -> int:
        """Samples of a part."""
        return self._part
