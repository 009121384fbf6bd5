"""How audio begins and ends: a DC offset is removed, silence is trimmed, cuts through audio are faded (SPEC A2).

Legend: T samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.augment.config import AugmentConfig
from tasks.augment.silence import trim_silence
from tasks.media.samples import Samples
from tasks.media.silence import audible_span, dc_offset_of

_FADE_OUT_S: Final = 0.03
_FADE_IN_S: Final = 0.005  # shorter, as an attack may follow at once
_PAUSE_S: Final = 1e-3  # an end with less silence than this, a zero crossing say, is a cut through audio


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAudio:
    """A recording as the recipes get it (T,): where in the recording it begins, and the DC offset that was removed."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    start_s: float
    dc_offset: float


def prepare_source(samples_T: Samples, rate_hz: int, config: AugmentConfig) -> PreparedAudio:
    """Returns a recording without DC offset and without silence at its ends; an end that had none is faded.

    Raises ItemError `silent` when nothing is left.
    """
    dc_offset = dc_offset_of(samples_T, rate_hz)
    centred_T = samples_T - np.float32(dc_offset) if dc_offset else samples_T
    trimmed = trim_silence(centred_T, rate_hz, config.silence_db, config.backend)
    kept_T, pause = trimmed.samples_T, _PAUSE_S * rate_hz
    start = round(trimmed.start_s * rate_hz)
    if len(samples_T) - start - len(kept_T) < pause:
        kept_T = faded_out(kept_T, rate_hz)
    if start < pause:
        kept_T = faded_in(kept_T, rate_hz)
    return PreparedAudio(samples_T=kept_T, start_s=trimmed.start_s, dc_offset=dc_offset)


def first_seconds(samples_T: Samples, rate_hz: int, max_s: float, threshold_db: float) -> Samples:
    """Returns the first `max_s` seconds; when that cuts something off, without silence at the end, or faded out.

    What begins right before the cut, and is not heard after the fade, is left out with the pause before it.
    """
    longest = round(max_s * rate_hz)
    if len(samples_T) <= longest:
        return samples_T
    end = audible_span(samples_T[:longest], threshold_db)[1]
    has_pause = 0 < end <= longest - _PAUSE_S * rate_hz
    if has_pause:
        return samples_T[:end]
    faded_T = faded_out(samples_T[:longest], rate_hz)
    heard = audible_span(faded_T, threshold_db)[1]
    return samples_T[:heard] if 0 < heard < longest - _FADE_OUT_S * rate_hz else faded_T


def exactly(samples_T: Samples, length: int, rate_hz: int) -> Samples:
    """Returns the first `length` samples, faded out, with a pause that the cut leaves at their end.

    Raises ValueError when there are fewer.
    """
    if len(samples_T) < length:
        raise ValueError(f"{len(samples_T)} samples cannot be cut to {length}")
    return faded_out(samples_T[:length], rate_hz)


def faded_out(samples_T: Samples, rate_hz: int) -> Samples:
    """Returns a copy whose last 30 ms fall to zero."""
    return np.ascontiguousarray(_faded_in(samples_T[::-1], round(_FADE_OUT_S * rate_hz))[::-1])


def faded_in(samples_T: Samples, rate_hz: int) -> Samples:
    """Returns a copy whose first 5 ms rise from zero."""
    return _faded_in(samples_T, round(_FADE_IN_S * rate_hz))


def _faded_in(samples_T: Samples, count: int) -> Samples:
    count = min(count, len(samples_T))
    gain_T = np.square(np.sin(np.linspace(0, np.pi / 2, count, endpoint=False)))
    faded_T = samples_T.copy()
    faded_T[:count] *= gain_T.astype(np.float32)
    return faded_T
