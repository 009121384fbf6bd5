"""One length for all speed levels of a clip, so that the length of audio does not tell its level (SPEC A3).

Legend: T samples, E candidate lengths, F playback factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tasks.media.samples import Samples

_STEP_S: Final = 0.01
_SHORTEST: Final = 0.75  # of the longest length
_MARGIN_S: Final = 1e-3  # by which a changed length may be off (`speed`)
_PAUSE_S: Final = 0.1  # silence at the end from which on it is a pause
_FADED_S: Final = 0.03  # what the cut fades does not count as audible


def common_length_s(
    source_T: Samples, rate_hz: int, factors: Sequence[float], *, max_s: float, silence_db: float
) -> float:
    """Returns a length in seconds, at most `max_s`, that the source fills at every playback factor.

    It is the longest length, or the longest over three quarters of it at which no factor's audio ends in a pause, where
    there is one.
    """
    longest = max(1, int(min(round(max_s * rate_hz), len(source_T) / max(factors) - _MARGIN_S * rate_hz)))
    lengths_E = np.arange(longest, _SHORTEST * longest, -max(1.0, _STEP_S * rate_hz)).round().astype(np.int64)
    audible_T = np.concatenate([[0], np.cumsum(np.abs(source_T) > 10 ** (silence_db / 20))])
    factors_F = np.asarray(factors)[:, None]
    first_FE, last_FE = (
        (np.maximum(lengths_E - before_s * rate_hz, 0) * factors_F).astype(np.int64)
        for before_s in (_PAUSE_S, _FADED_S)
    )
    without_pause_E = (audible_T[last_FE] > audible_T[first_FE]).all(axis=0)
    return float(lengths_E[int(np.argmax(without_pause_E))] / rate_hz)
