"""Distance: a near sound heard from afar, through the response of a simulated room. Source: SPEC A4.

The sound is heard through the far source's response, on the scale on which the near source's direct sound is the
recording itself: so its level, its direct-to-reverberant ratio and its high frequencies all fall. The direct sound
keeps its time, so event times stay true.

As `tool` the convolution is scipy's in 64-bit float, the one pyroomacoustics uses; in process it is one 32-bit FFT,
equal within 1 LSB of the 16-bit file.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.fft
from scipy import signal

from tasks.augment.config import Backend
from tasks.augment.errors import effect_missing
from tasks.augment.measure import octave_slope_db, peak_db, rms_db
from tasks.augment.room import Response
from tasks.augment.silence import sound_span
from tasks.media.samples import Samples

_TAIL_DB: Final = -60.0
_HALF_STEP_DB: Final = -96.3  # of 16 bits: below it samples are rounded to zero
_DROP_DB: Final = 6.0
_DARKER_DB: Final = -0.3


def move_away(samples_T: Samples, response: Response, backend: Backend = "fast") -> Samples:
    """Returns the sound as heard from the far source, with its tail; the direct sound stays where it was in time."""
    if backend == "tool":
        heard_T = signal.fftconvolve(samples_T.astype(np.float64), response.far_T.astype(np.float64))
    else:
        heard_T = _convolve(samples_T, response.far_T)
    return _without_silent_tail(heard_T[response.lead :].astype(np.float32), len(samples_T))


def measure_distance(before_T: Samples, after_T: Samples, rate_hz: int, response: Response) -> dict[str, float | None]:
    """Returns level and spectral slope of the change, and the room's direct-to-reverberant ratios and T60.

    Raises ItemError effect_missing unless the level fell by 6 dB and the sound is darker by 0.3 dB per octave (where it
    has three octaves to judge by). `simulate` has already held ratios and T60 to their laws.
    """
    levels = rms_db(before_T), rms_db(after_T[: len(before_T)])
    if levels[1] > levels[0] - _DROP_DB:
        raise effect_missing("level change in dB", levels[1] - levels[0], f"at most -{_DROP_DB:g}")
    slope = octave_slope_db(before_T, after_T, rate_hz)
    if slope is not None and slope > _DARKER_DB:
        raise effect_missing("spectral change in dB per octave", slope, f"at most {_DARKER_DB:g}")
    return {
        "level_before_db": round(levels[0], 3),
        "level_after_db": round(levels[1], 3),
        "direct_to_reverberant_before_db": response.near_ratio_db,
        "direct_to_reverberant_after_db": response.far_ratio_db,
        "spectral_slope_per_octave_db": None if slope is None else round(slope, 3),
        "t60_s": response.t60_s,
    }


def _convolve(samples_T: Samples, response_T: Samples) -> Samples:
    length = len(samples_T) + len(response_T) - 1
    count = scipy.fft.next_fast_len(length, real=True)
    spectrum = scipy.fft.rfft(np.asarray(samples_T, np.float32), count)
    spectrum *= scipy.fft.rfft(response_T, count)
    heard_T: Samples = scipy.fft.irfft(spectrum, count)[:length]
    return heard_T


def _without_silent_tail(heard_T: Samples, least: int) -> Samples:
    """Cuts the tail where it has fallen 60 dB below the peak, or to nothing in 16 bits.

    Only the latter cuts into the sound's own length, `least`.
    """
    tail = sound_span(heard_T, peak_db(heard_T) + _TAIL_DB)[1]
    audible = sound_span(heard_T, _HALF_STEP_DB)[1] or least
    return heard_T[: min(audible, max(least, tail))]
