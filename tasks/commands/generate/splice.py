"""An edit's window put into the original audio: a codec's round trip is not the original. Source: SPEC G6.

Legend: T samples, C channels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.commands.generate.level import near, rms
from tasks.media.samples import Audio, Samples

FADE_S: Final = 0.02
_MOST_GAIN: Final = 4.0  # 12 dB: what a codec's round trip may be too quiet or too loud


def splice(edited: Audio, original_T: Samples, start: int, stop: int, rate_hz: int) -> Audio:
    """Returns `original_T` outside of samples [start, stop) and `edited`, (T,) or (T, C), inside.

    The cross-fade of 20 ms lies outside the window, where `edited` is the codec's round trip of the original. There
    the two also tell how much the codec changes the level; the edit is corrected by that much, up to 12 dB and never
    into clipping.
    """
    length, original_T = len(edited), original_T[: len(edited)]
    keeps = _keep_weights(length, start, stop, round(FADE_S * rate_hz))
    keeps[len(original_T) :] = 0.0
    source_T = np.pad(original_T, (0, length - len(original_T)))
    around = near(len(original_T), start, stop, rate_hz)
    mono_T = edited if edited.ndim == 1 else edited.mean(axis=1)
    gain = _gain(rms(source_T[around]), rms(mono_T[around]), float(np.abs(edited[start:stop]).max(initial=0.0)))
    if edited.ndim > 1:
        source_T, keeps = source_T[:, None], keeps[:, None]
    spliced: Audio = (keeps * source_T + (1.0 - keeps) * gain * edited).astype(np.float32)
    return spliced


def _keep_weights(length: int, start: int, stop: int, fade: int) -> npt.NDArray[np.float64]:
    """Returns the original's weight per sample: 0 inside the window, 1 from `fade` samples outside of it."""
    position = np.arange(length)
    outside = np.maximum(start - position, position - stop + 1).clip(0)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(outside / max(fade, 1), 1.0))


def _gain(source: float, round_trip: float, peak: float) -> float:
    """Returns what brings the round trip to the source's level; 1 where either is silent."""
    if min(source, round_trip) <= 0.0:
        return 1.0
    gain = float(np.clip(source / round_trip, 1 / _MOST_GAIN, _MOST_GAIN))
    return min(gain, max(1.0, 1.0 / peak)) if peak > 0 else gain
