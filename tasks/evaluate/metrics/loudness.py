"""Integrated loudness in LUFS, as ITU-R BS.1770-4 defines it, of mono audio.

Legend: T samples.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.evaluate.attributes import AUDIBLE_DB, block_power
from tasks.media.samples import Samples

_OFFSET_DB: Final = -0.691
_RELATIVE_GATE: Final = 0.1  # -10 LU
_SHELF: Final = (1681.9744509555319, 3.99984385397, 0.7071752369554193)
"""Frequency in Hz, gain in dB and Q of the shelf, of which the standard lists the filter for 48 kHz."""
_HIGHPASS: Final = (38.13547087602444, 0.5003270373238773)
_SHELF_EXPONENT: Final = 0.4996667741545416


def lufs(samples_T: Samples, rate_hz: int) -> float | None:
    """Returns the integrated loudness: the mean of 0.4 s blocks after the K filter, without those below -70 LUFS and
    those 10 LU below the mean of the rest. None for audio without a block over -70 LUFS (silence).

    A clip shorter than a block counts as one that is continued with silence. Of a stereo file it is the loudness of the
    channels' mean, where the standard adds both channels' powers: 3 dB less for equal channels.
    """
    if not len(samples_T):
        return None
    from scipy import signal  # takes a CPU second; a finished evaluation is found without it

    weighted_T = signal.sosfilt(_k_filter(rate_hz), samples_T.astype(np.float64))
    power = block_power(weighted_T, rate_hz)
    audible = power[power > 10 ** ((AUDIBLE_DB - _OFFSET_DB) / 10)]
    if not len(audible):
        return None
    kept = audible[audible > _RELATIVE_GATE * audible.mean()]
    return float(_OFFSET_DB + 10 * np.log10(kept.mean()))


@cache
def _k_filter(rate_hz: int) -> npt.NDArray[np.float64]:
    """Returns the two sections of the K filter for a rate: bilinear transforms of the analogue ones whose digital
    versions at 48 kHz the standard lists (Mansbridge, Finn and Reiss 2012)."""
    frequency, gain_db, quality = _SHELF
    turn = np.tan(np.pi * frequency / rate_hz)
    high = 10 ** (gain_db / 20)
    middle = high**_SHELF_EXPONENT
    shelf = [
        high + middle * turn / quality + turn**2, 2 * (turn**2 - high), high - middle * turn / quality + turn**2,
        1 + turn / quality + turn**2, 2 * (turn**2 - 1), 1 - turn / quality + turn**2,
    ]  # fmt: skip
    frequency, quality = _HIGHPASS
    turn = np.tan(np.pi * frequency / rate_hz)
    scale = 1 + turn / quality + turn**2
    highpass = [scale, -2 * scale, scale, scale, 2 * (turn**2 - 1), 1 - turn / quality + turn**2]
    sections = np.array([shelf, highpass])
    normalised: npt.NDArray[np.float64] = sections / sections[:, 3:4]
    return normalised
