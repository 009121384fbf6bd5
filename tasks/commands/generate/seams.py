"""Does a place in a sound stand out as a click would? For edits and long sounds, whose parts are joined as latents.

Legend: T samples.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.media.samples import Samples

_REACH_S: Final = 0.5
_WIDTH_S: Final = 0.02


def seam_rank(samples_T: Samples, at: int, rate_hz: int, *, width_s: float = _WIDTH_S) -> float:
    """Returns the share of places around sample `at` whose waveform bends at least as sharply: 0 stands out wholly.

    A place is `width_s` of sound, its sharpness the largest second difference in it (a click is a jump, which has
    much of it); compared are the places within half a second to either side. At an unremarkable place the value is
    anything from 0 to 1, one half on average. Raises ValueError when there is nothing to compare with.
    """
    bend_T = np.abs(np.diff(samples_T.astype(np.float64), 2))
    width, reach = round(width_s * rate_hz), round(_REACH_S * rate_hz)
    starts = np.arange(max(0, at - reach), min(len(bend_T) - width, at + reach), max(1, width // 2))
    apart = starts[np.abs(starts + width / 2 - at) >= width]
    if not len(apart):
        raise ValueError(f"sample {at} of {len(samples_T)} has no surroundings to compare with")
    first = max(0, at - width // 2)
    here = bend_T[first : first + width].max(initial=0.0)
    around = np.array([bend_T[start : start + width].max() for start in apart])
    return float(np.mean(around >= here))
